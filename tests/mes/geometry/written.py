"""How do programs write the same mesh? In every odd way that STL and OBJ allow."""

import struct
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from trimesh import creation, transformations

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Way = Callable[[Floats, Ints], bytes]


@st.composite
def meshes(draw: st.DrawFn) -> tuple[Floats, Ints]:
    """A closed mesh of one body, anywhere and in any pose, of a size that a ring could have."""
    ring = creation.annulus(3, 5, 2, sections=draw(st.integers(3, 12)))
    shape = draw(st.sampled_from([creation.box((1, 2, 3)), creation.icosphere(subdivisions=1), ring]))
    turn = transformations.random_rotation_matrix(np.array(draw(st.tuples(*[st.floats(0, 1)] * 3))))
    turn[:3, 3] = draw(st.tuples(*[st.floats(-50, 50)] * 3))
    vertices = transformations.transform_points(shape.vertices * draw(st.floats(1, 20)), turn)
    return vertices, np.asarray(shape.faces, dtype=np.int64)


def volume_of(vertices: Floats, faces: Ints) -> float:
    """What a closed mesh encloses."""
    a, b, c = (vertices - vertices.mean(axis=0))[faces].transpose(1, 0, 2)
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def with_quadrilaterals(faces: Ints) -> list[list[int]]:
    """The same triangles, two that share an edge and follow each other as one polygon. Its first corner is an
    end of that edge, so that the fan from there is the two again.
    """
    polygons: list[list[int]] = []
    waiting = [[int(corner) for corner in face] for face in reversed(faces)]
    while waiting:
        a, b, c = waiting.pop()
        following = set(waiting[-1]) if waiting else set()
        for start, tip, stop in ((a, b, c), (b, c, a), (c, a, b)):
            if {start, stop} <= following:
                waiting.pop()
                polygons.append([stop, *(following - {start, stop}), start, tip])
                break
        else:
            polygons.append([a, b, c])
    return polygons


# -- STL ---------------------------------------------------------------------------------------------------


def stl(
    vertices: Floats,
    faces: Ints,
    *,
    header: bytes = b"",
    count: int | None = None,
    behind: bytes = b"",
    normal: Sequence[float] = (0, 0, 0),
) -> bytes:
    """A binary STL; ``count`` is what it says, whatever it holds."""
    facets = np.zeros(len(faces), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])
    facets["corners"], facets["normal"] = vertices[faces], normal
    said = struct.pack("<I", len(faces) if count is None else count)
    return header.ljust(80, b"\0")[:80] + said + facets.tobytes() + behind


def stl_ascii(
    vertices: Floats,
    faces: Ints,
    *,
    name: str = "ring",
    line_end: str = "\n",
    indent: str = "  ",
    number: str = "%.9g",
    normal: str = "0 0 1",
    end: str = "endsolid ring",
) -> bytes:
    """An ASCII STL of one solid."""
    lines = [f"solid {name}"]
    for face in faces:
        lines += [f"{indent}facet normal {normal}", f"{indent * 2}outer loop"]
        for corner in vertices[face]:
            lines.append(f"{indent * 3}vertex " + " ".join(number % x for x in corner))
        lines += [f"{indent * 2}endloop", f"{indent}endfacet"]
    return (line_end.join([*lines, end]) + line_end).encode()


def _halves(vertices: Floats, faces: Ints, **options: str) -> bytes:
    """One surface as two solids of an ASCII file."""
    half = len(faces) // 2
    return stl_ascii(vertices, faces[:half], **options) + stl_ascii(vertices, faces[half:])


STL_WAYS: dict[str, Way] = {
    "binary": stl,
    "binary, one byte behind": lambda v, f: stl(v, f, behind=b"\0"),
    "binary, a line behind": lambda v, f: stl(v, f, behind=b"\r\nmade with care\r\n"),
    "binary, filled up with zeros": lambda v, f: stl(v, f, behind=bytes(500)),
    "binary, count zero": lambda v, f: stl(v, f, count=0),
    "binary, count never written": lambda v, f: stl(v, f, count=0xFFFFFFFF),
    "binary, count too small": lambda v, f: stl(v, f, count=len(f) - 3),
    "binary, header says solid": lambda v, f: stl(v, f, header=b"solid ring"),
    "binary, header like ASCII, byte behind": lambda v, f: stl(
        v, f, header=b"solid ring\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0".ljust(80), behind=b"\n"
    ),
    "binary, normals NaN, byte behind": lambda v, f: stl(v, f, normal=[np.nan] * 3, behind=b"\0"),
    "ascii": stl_ascii,
    "ascii, CR": lambda v, f: stl_ascii(v, f, line_end="\r"),
    "ascii, CR LF": lambda v, f: stl_ascii(v, f, line_end="\r\n"),
    "ascii, one line": lambda v, f: stl_ascii(v, f, line_end=" "),
    "ascii, one line without a name": lambda v, f: stl_ascii(v, f, name="", line_end=" ", end="endsolid"),
    "ascii, two solids on one line": lambda v, f: _halves(v, f, line_end=" "),
    "ascii, two solids": _halves,
    "ascii, two solids, one end": lambda v, f: _halves(v, f, end=""),
    "ascii, an empty solid": lambda v, f: b"solid a\nendsolid a\n" + stl_ascii(v, f) + b"solid b\nendsolid b",
    "ascii, tabs": lambda v, f: stl_ascii(v, f, indent="\t"),
    "ascii, no indent": lambda v, f: stl_ascii(v, f, indent=""),
    "ascii, capitals": lambda v, f: stl_ascii(v, f).upper(),
    "ascii, no name": lambda v, f: stl_ascii(v, f, name="", end="endsolid"),
    "ascii, its words as a name": lambda v, f: stl_ascii(
        v, f, name="endsolid facet vertex solid", end="endsolid vertex facet solid"
    ),
    "ascii, a normal as a name": lambda v, f: stl_ascii(v, f, name="facet normal"),
    "ascii, Russian name": lambda v, f: stl_ascii(v, f, name="кольцо"),
    "ascii, exponents": lambda v, f: stl_ascii(v, f, number="%+.9E"),
    "ascii, no normals to speak of": lambda v, f: stl_ascii(v, f, normal="nan -nan(ind) 1.#QNAN"),
    "ascii, byte order mark": lambda v, f: b"\xef\xbb\xbf\r\n" + stl_ascii(v, f),
    "ascii, blank lines": lambda v, f: stl_ascii(v, f, line_end="\n \n\n"),
    "ascii, a remark behind": lambda v, f: stl_ascii(v, f) + b"\n; made with care\n",
    "ascii, last line not ended": lambda v, f: stl_ascii(v, f).rstrip(),
}

# -- OBJ ---------------------------------------------------------------------------------------------------


def obj(
    vertices: Floats,
    faces: list[list[int]] | Ints,
    *,
    vertex: str = "v {:.9g} {:.9g} {:.9g}",
    corner: str = "{0}",
    face: str = "f ",
    gap: str = " ",
    first: int = 1,
) -> str:
    """An OBJ's lines; ``first`` is the number of its first vertex, negative ones count back from the last."""
    lines = [vertex.format(*row) for row in vertices.tolist()]
    lines += [face + gap.join(corner.format(int(n) + first) for n in corners) for corners in faces]
    return "\n".join(lines) + "\n"


def _interleaved(vertices: Floats, faces: Ints, first: int) -> str:
    """A mesh in two objects, each with vertices of its own before its faces."""
    half = len(faces) // 2
    text = ""
    for name, own in (("o one", faces[:half]), ("o two", faces[half:])):
        used, index = np.unique(own, return_inverse=True)
        start = -len(used) if first < 0 else text.count("v ") + 1
        text += f"{name}\n" + obj(vertices[used], index.reshape(-1, 3), first=start)
    return text


def _obj(change: Callable[[str], str] = str, **options: str) -> Way:
    return lambda v, f: change(obj(v, f, **options)).encode()  # type: ignore[arg-type]


OBJ_WAYS: dict[str, Way] = {
    "plain": _obj(),
    "tabs": _obj(lambda text: text.replace(" ", "\t")),
    "indents": _obj(lambda text: " \t " + text.replace("\n", " \n\t  ")),
    "CR": _obj(lambda text: text.replace("\n", "\r")),
    "CR LF": _obj(lambda text: text.replace("\n", "\r\n")),
    "byte order mark": _obj(lambda text: "\ufeff" + text),
    "comments": _obj(lambda text: "# C:\\ring\\\n" + text.replace("\n", " # 1 2 3\n")),
    "continued lines": _obj(gap=" \\\n ", vertex="v {} \\\n{} {}"),
    "continued lines from Windows": lambda v, f: obj(v, f, gap=" \\\n").replace("\n", "\r\n").encode(),
    "textures": _obj(corner="{0}/{0}"),
    "normals": _obj(corner="{0}//1"),
    "textures and normals": _obj(corner="{0}/1/-1"),
    "empty textures": _obj(corner="{0}/"),
    "old faces": _obj(face="fo "),
    "colours": _obj(vertex="v {} {} {} 0.5 0.25 nan"),
    "weights": _obj(vertex="v {} {} {} 1.0"),
    "exponents": _obj(vertex="v {:+.9E} {:.9e} {:.9e}"),
    "counted back": lambda v, f: obj(v, f, first=-len(v)).encode(),
    "quadrilaterals": lambda v, f: obj(v, with_quadrilaterals(f)).encode(),
    "two objects": lambda v, f: _interleaved(v, f, 1).encode(),
    "two objects, counted back": lambda v, f: _interleaved(v, f, -1).encode(),
    "faces first": lambda v, f: f"v 0 0 0\n{obj(v[:0], f, first=2)}{obj(v, f[:0])}".encode(),
    "other lines": lambda v, f: (
        "mtllib ../../etc/passwd\nvn 0 0 1\nvt 0 0\nvp 1\ns off\nusemtl gold\n"
        + obj(v, [[0, 1], [2], *f.tolist()])
        + "l 1 2 3\np 1\ng\nvw 1 2\n"
    ).encode(),
    "groups": lambda v, f: "g all left\n".join(
        f"g {n % 3} all\nusemtl {n}\n{part}\n" for n, part in enumerate(obj(v, f).splitlines())
    ).encode(),
    "last line not ended": lambda v, f: obj(v, f).rstrip().encode(),
}
