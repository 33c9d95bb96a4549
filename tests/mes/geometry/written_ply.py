"""How do programs write the same mesh as a PLY? In every odd way that the format allows."""

from dataclasses import dataclass

import numpy as np

from tests.mes.geometry.written import Floats, Ints, Way, with_quadrilaterals

_CODES = {
    "char": "i1",
    "uchar": "u1",
    "short": "i2",
    "ushort": "u2",
    "int": "i4",
    "uint": "u4",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
    "float": "f4",
    "double": "f8",
    "float32": "f4",
    "float64": "f8",
}
_STYLES = {"": "ascii", "<": "binary_little_endian", ">": "binary_big_endian"}


@dataclass
class Element:
    """Properties as a header has them ("float x"), and for each row a value, or a list of them, for each."""

    name: str
    properties: list[str]
    rows: list[list[float | list[int]]]


def points(vertices: Floats, kind: str = "double", axes: str = "xyz") -> Element:
    """The element "vertex"; axes but x, y and z are further properties."""
    rows = [[row["xyz".index(axis)] if axis in "xyz" else 7 for axis in axes] for row in vertices.tolist()]
    return Element("vertex", [f"{kind} {axis}" for axis in axes], rows)


def polygons(corners: list[list[int]], count: str = "uchar", kind: str = "int", end: str = "ices") -> Element:
    """The element "face"."""
    return Element("face", [f"list {count} {kind} vertex_ind{end}"], [[each] for each in corners])


def ply(
    *elements: Element, order: str = "", line_end: str = "\n", note: str = "comment end_header is below"
) -> bytes:
    """A PLY; ``order`` is ``<``, ``>`` or empty for text."""
    header = ["ply", note, f"format {_STYLES[order]} 1.0", note]
    for element in elements:
        header.append(f"element {element.name} {len(element.rows)}")
        header += [note, *(f"property {each}" for each in element.properties)]
    body = b"".join(_row(element, row, order, line_end) for element in elements for row in element.rows)
    return line_end.join([*header, "end_header", ""]).encode() + body


def _row(element: Element, row: list[float | list[int]], order: str, line_end: str) -> bytes:
    words: list[tuple[str, float]] = []
    for declared, value in zip(element.properties, row, strict=True):
        kinds = declared.split()[:-1]
        if isinstance(value, list):
            words += [(kinds[1], len(value)), *((kinds[2], each) for each in value)]
        else:
            words.append((kinds[0], value))
    if order:
        return b"".join(np.array(value).astype(order + _CODES[kind]).tobytes() for kind, value in words)
    return (" ".join(f"{value:.17g}" for _, value in words) + line_end).encode()


def _with_textures(vertices: Floats, faces: Ints) -> list[Element]:
    """Lists and numbers before and behind what matters, of lengths that differ from row to row."""
    face = polygons(with_quadrilaterals(faces), end="ex")
    face.properties = [
        "list uchar float texcoord",
        "uchar red",
        *face.properties,
        "list int short more",
        "char x",
    ]
    face.rows = [[[7] * (n % 3), 200, *row, [n] * (n % 2), -1] for n, row in enumerate(face.rows)]
    vertex = points(vertices, axes="axbyzc")
    vertex.properties.insert(2, "list uchar int neighbours")
    vertex.rows = [[*row[:2], list(range(n % 4)), *row[2:]] for n, row in enumerate(vertex.rows)]
    camera = Element("camera", ["float view", "list uchar uchar name"], [[1.5, [1, 2, 3]], [2.5, []]])
    return [camera, face, Element("edge", ["int a", "int b"], [[0, 1]] * 5), vertex]


def _ply_ways(order: str) -> dict[str, Way]:
    name = _STYLES[order]
    ways: dict[str, Way] = {
        "triangles": lambda v, f: ply(points(v), polygons(f.tolist()), order=order),
        "quadrilaterals between": lambda v, f: ply(points(v), polygons(with_quadrilaterals(f)), order=order),
        "lists and numbers around": lambda v, f: ply(*_with_textures(v, f), order=order),
        "faces first": lambda v, f: ply(polygons(f.tolist()), points(v), order=order),
        "other types": lambda v, f: ply(
            points(v, "float64", "zyx"), polygons(f.tolist(), "uint32", "int16", "ex"), order=order
        ),
        "CR": lambda v, f: ply(points(v), polygons(f.tolist()), order=order, line_end="\r"),
        "CR LF": lambda v, f: ply(points(v), polygons(f.tolist()), order=order, line_end="\r\n"),
        "obj_info": lambda v, f: ply(points(v), polygons(f.tolist()), order=order, note="obj_info x = 1"),
        "a blank line behind": lambda v, f: ply(points(v), polygons(f.tolist()), order=order) + b"\n",
        "edges and points as faces": lambda v, f: ply(
            points(v), polygons([[0, 1], [2], *f.tolist(), []]), order=order
        ),
    }
    return {f"{name}, {way}": write for way, write in ways.items()}


def _more_than_declared(vertices: Floats, faces: Ints) -> bytes:
    """Each line has a colour behind its row of which the header says nothing."""
    head, body = ply(points(vertices), polygons(faces.tolist())).split(b"end_header\n")
    head = head.replace(b"end_header is below", b"")
    return head + b"end_header\n" + body.replace(b"\n", b" 255 0 0\n")


def _strip(vertices: Floats, faces: Ints) -> bytes:
    """Triangle strips of two triangles where there are such, else of one, ended by -1."""
    corners: list[int] = []
    for a, b, c, *d in with_quadrilaterals(faces):
        # The fan a b c, a c d is the strip b c a d, whose second triangle is turned over: a c d.
        corners += [b, c, a, *d, -1]
    strips = Element("tristrips", ["list int int vertex_indices"], [[corners]])
    return ply(points(vertices), strips, order="<")


PLY_WAYS: dict[str, Way] = {
    **_ply_ways(""),
    **_ply_ways("<"),
    **_ply_ways(">"),
    "ascii, a blank between lines": lambda v, f: ply(points(v), polygons(f.tolist()), line_end=" \n\n"),
    "ascii, more in a line than declared": _more_than_declared,
    "triangle strips": _strip,
}
