"""Which triangles are in a PLY file?

The format: Greg Turk, "The PLY Polygon File Format", Stanford 1994. A header declares elements, so many rows
of each, and their properties, numbers or lists of numbers; then come the rows, as text or binary.
"""

from typing import cast

import numpy as np

from mes.geometry.answers import Unpriceable
from mes.geometry.parts import Floats, Ints, Part, check_amount, missing_points
from mes.geometry.ply_header import Element, read_header
from mes.geometry.ply_rows import Body, Rows, read_rows
from mes.geometry.text import damaged, more_than_declared, unread

# Turk's own examples say "vertex_index" in one place and "vertex_indices" in another; so do programs.
_FACE_LISTS = ("vertex_indices", "vertex_index")


def read_ply(data: bytes) -> list[Part]:
    """The file's faces over its vertices, polygons as fans of triangles.

    Raises ``Unpriceable`` for a file that holds less or more than its header declares.
    """
    header = read_header(data.removeprefix(b"\xef\xbb\xbf"))
    try:
        return [_read(header.elements, Body.of(header))]
    except Unpriceable:
        lines = Body.of_lines(header)
        if lines is None:
            raise
        return [_read(header.elements, lines)]


def _read(elements: list[Element], body: Body) -> Part:
    vertices, surfaces = np.empty((0, 3)), list[Ints]()
    position = 0
    for element in elements:
        rows = read_rows(body, position, element)
        position = rows.end
        if not element.rows:
            continue
        if element.name == "vertex":
            vertices = _points(element, rows)
        elif element.name == "face":
            surfaces.append(_fans(element, rows))
        elif element.name == "tristrips":
            surfaces.append(_strips(element, rows))
    if body.has_more_than_blanks(position):
        raise more_than_declared("PLY")
    if len(surfaces) > 1:  # the same surface twice, or two halves of one?
        raise unread("PLY", "faces beside triangle strips")
    faces = surfaces[0] if surfaces else np.empty((0, 3), np.int64)
    if len(faces) and (faces.min() < 0 or faces.max() >= len(vertices)):
        raise missing_points()
    return Part(vertices, faces)


def _points(element: Element, rows: Rows) -> Floats:
    numbers = [element.number(name) for name in ("x", "y", "z")]
    if None in numbers:
        raise damaged("PLY")
    return np.stack([rows.numbers(cast(int, n)) for n in numbers], axis=1)


def _fans(element: Element, rows: Rows) -> Ints:
    """Faces as triangles, those of three corners first; what has fewer is no surface."""
    place = element.list(_FACE_LISTS)
    if place is None:
        raise damaged("PLY")
    counts = rows.counts(place)
    check_amount(int(np.maximum(counts - 2, 0).sum()), 1)
    fans = [np.empty((0, 3), np.int64)]
    for count in np.unique(counts[counts >= 3]):
        corners = rows.lists(place, np.flatnonzero(counts == count), int(count))
        first = np.broadcast_to(corners[:, :1], corners[:, 2:].shape)
        fans.append(np.stack([first, corners[:, 1:-1], corners[:, 2:]], axis=2).reshape(-1, 3))
    return np.concatenate(fans)


def _strips(element: Element, rows: Rows) -> Ints:
    """Triangle strips as Stanford's programs write them: lists of corners, each strip ended by -1, every
    other triangle turned over.
    """
    place = element.list(_FACE_LISTS)
    if place is None:
        raise damaged("PLY")
    counts = rows.counts(place)
    check_amount(int(counts.sum()), 1)
    strips = [rows.lists(place, np.array([n]), int(count))[0] for n, count in enumerate(counts)]
    corners = np.concatenate([np.append(strip, -1) for strip in strips])
    n = np.arange(len(corners))
    start = np.maximum.accumulate(np.where(corners == -1, n, -1))
    a, b, c = corners[:-2], corners[1:-1], corners[2:]
    is_turned = ((n - start)[:-2] - 1) % 2 == 1
    faces = np.stack([np.where(is_turned, b, a), np.where(is_turned, a, b), c], axis=1)
    return faces[(a != -1) & (b != -1) & (c != -1)]
