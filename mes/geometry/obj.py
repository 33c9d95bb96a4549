"""Which faces are in a Wavefront OBJ file?

The format: "Object Files (.obj)", appendix B1 of Wavefront's Advanced Visualizer manual. A line is a keyword
and its arguments; faces name points by number, from 1 on, or counted back from where the face stands.
"""

import re
from collections.abc import Iterator

import numpy as np

from mes.geometry.obj_lines import Lines
from mes.geometry.parts import MAX_PARTS, Floats, Ints, Part, check_amount, missing_points
from mes.geometry.text import floats, integers

# x y z, a weight that only rational curves use, and a colour that programs put behind them.
_VERTEX_SIZES = (3, 4, 6, 7)
_TEXTURE_AND_NORMAL = re.compile(rb"(?<=\d)/[-+\d]*(?:/[-+\d]*)?(?!\S)")


def read_obj(data: bytes) -> list[Part]:
    """The file's faces over its vertices, polygons as fans of triangles; a part for each object and group.

    Raises ``Unpriceable`` for what is no polygon mesh. No file that it names is opened.
    """
    lines = Lines(data)
    vertices = _vertices(lines)
    sizes, corners = _corners(lines, len(vertices))
    check_amount(int(np.maximum(sizes - 2, 0).sum()), 1)
    faces, owner = _fans(sizes, corners)
    return list(_split(vertices, faces, _part_numbers(lines)[owner]))


def _vertices(lines: Lines) -> Floats:
    text, sizes = lines.arguments(lines.is_vertex)
    is_odd = ~np.isin(sizes, _VERTEX_SIZES)
    if is_odd.any():
        raise lines.unreadable(np.flatnonzero(lines.is_vertex)[is_odd.argmax()])
    first = np.cumsum(sizes) - sizes
    return floats(text, "OBJ")[first[:, None] + np.arange(3)]


def _corners(lines: Lines, vertices: int) -> tuple[Ints, Ints]:
    """How many corners each face has, and which points they are, from 0, one face behind the other."""
    text, sizes = lines.arguments(lines.is_face)
    given = integers(_TEXTURE_AND_NORMAL.sub(b"", text) if b"/" in text else text, "OBJ")
    # A negative number counts back from the last point before the face: -1 is that one.
    before = np.repeat(np.cumsum(lines.is_vertex)[lines.is_face], sizes)
    corners = np.where(given > 0, given - 1, before + given)
    if len(corners) and ((given == 0).any() or corners.min() < 0 or corners.max() >= vertices):
        raise missing_points()
    return sizes, corners


def _fans(sizes: Ints, corners: Ints) -> tuple[Ints, Ints]:
    """Faces as triangles, and which face each is of; what has fewer than three corners is no surface."""
    first = np.cumsum(sizes) - sizes
    fans, owners = [np.empty((0, 3), np.int64)], [np.empty(0, np.int64)]
    for size in np.unique(sizes[sizes >= 3]):
        rows = np.flatnonzero(sizes == size)
        face = corners[first[rows, None] + np.arange(size)]
        start = np.broadcast_to(face[:, :1], face[:, 2:].shape)
        fans.append(np.stack([start, face[:, 1:-1], face[:, 2:]], axis=2).reshape(-1, 3))
        owners.append(np.repeat(rows, size - 2))
    return np.concatenate(fans), np.concatenate(owners)


def _part_numbers(lines: Lines) -> Ints:
    """For each face, which object and group it is in: a name that comes again goes on with what it began."""
    by_group, by_object = (lines.names(keywords) for keywords in ((b"o", b"g"), (b"o",)))
    # Some programs make a group of every few faces; what is closed is closed without them.
    chosen = by_group if len(np.unique(by_group[lines.is_face])) <= MAX_PARTS else by_object
    return chosen[lines.is_face]


def _split(vertices: Floats, faces: Ints, part: Ints) -> Iterator[Part]:
    numbers, part = np.unique(part, return_inverse=True)
    check_amount(len(faces), len(numbers))
    if len(numbers) <= 1:
        yield Part(vertices, faces)
        return
    order = np.argsort(part, kind="stable")
    ends = np.cumsum(np.bincount(part))[:-1]
    for own in np.split(faces[order], ends):
        used, index = np.unique(own, return_inverse=True)
        yield Part(vertices[used], index.reshape(-1, 3))
