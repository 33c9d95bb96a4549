"""Which of the parts' surfaces close, by themselves or joined?"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mes.geometry.answers import Unpriceable
from mes.geometry.orientation import NOT_CLEAN, EdgeTable, Flags, check_closed, oriented, shells
from mes.geometry.parts import Floats, Ints, Part, joined
from mes.geometry.weld import distinct_rows, welded, welded_nearby


@dataclass(frozen=True)
class Surface:
    """A closed surface: points in mm, triangles that balance at each edge, and each one's shell."""

    vertices: Floats
    faces: Ints
    shell: Ints


def closed_surfaces(parts: list[Part], tolerance: float) -> list[Surface]:
    """The closed surfaces that the parts are. Raises ``Unpriceable`` where they enclose nothing.

    Objects of one file may touch, so each that closes stays by itself. The others are joined: one solid may
    be listed in pieces, by colour for example; its pieces may even lack what another, whole part has.
    ``tolerance`` (mm): points of open edges that lie nearer to each other are one.
    """
    surfaces: list[Surface] = []
    pieces: list[Part] = []
    for part in parts:
        try:
            surfaces.append(_closed(part, tolerance))
        except Unpriceable:
            if len(parts) == 1:
                raise
            pieces.append(part)
    if not pieces:
        return surfaces
    try:
        return [*surfaces, _closed(joined(pieces), tolerance)]
    except Unpriceable:
        if not surfaces:
            raise
    return [_closed(joined(parts), tolerance)]


def _closed(part: Part, tolerance: float) -> Surface:
    """The part as a closed surface, with points that are near each other joined where it is open without."""
    part = welded(part)
    try:
        return _without_doubles(part)
    except Unpriceable:
        # A facet that stands there twice is closed by itself, though its neighbours miss it.
        points = EdgeTable(part.faces[_facets(part.faces)[0]]).open_points
        if not len(points) or not tolerance:
            raise
    return _without_doubles(welded_nearby(part, points, tolerance))


def _without_doubles(part: Part) -> Surface:
    """The part as a closed surface, without facets that stand there twice if it takes that to close it."""
    if not len(part.faces):
        return Surface(part.vertices, part.faces, np.zeros(0, dtype=np.int64))
    edges = EdgeTable(part.faces)
    if edges.is_regular:
        return _surface(edges, part.vertices)
    refusal: Unpriceable | None = None
    for faces in _selections(part.faces):
        try:
            return _surface(EdgeTable(faces), part.vertices)
        except Unpriceable as error:
            refusal = refusal or error
    assert refusal is not None  # noqa: S101  (the last selection has no doubles, so there is one)
    raise refusal


def _selections(faces: Ints) -> Iterator[Ints]:
    """The faces as they are, each once a way that it faces, and each once.

    A selection in which each facet stands as often either way, as exports of both sides of a face make it,
    encloses nothing and is left out.
    """
    first, facet, is_up = _facets(faces)
    once_a_way = np.unique(2 * facet + is_up, return_index=True)[1]
    for kept in (np.arange(len(faces)), np.sort(once_a_way), first):
        if np.bincount(facet[kept], weights=np.where(is_up[kept], 1, -1)).any():
            yield faces[kept]


def _facets(faces: Ints) -> tuple[Ints, Ints, Flags]:
    """The first face of each three corners, which of these each face is, and which of two ways it faces."""
    first, facet = distinct_rows(np.sort(faces, axis=1))
    # The corner behind the lowest is lower than the one before it, or it is not.
    row, lowest = np.arange(len(faces)), faces.argmin(axis=1)
    return first, facet, faces[row, (lowest + 1) % 3] < faces[row, (lowest + 2) % 3]


def _surface(edges: EdgeTable, vertices: Floats) -> Surface:
    """The closed surface with these edges. Raises ``Unpriceable`` where it is open or can't be told apart."""
    check_closed(edges)
    edges = oriented(edges)
    shell = shells(edges, vertices)
    if not edges.is_regular:
        _, facet, is_up = _facets(edges.faces)
        if len(distinct_rows(np.stack([shell, facet, is_up], axis=1))[0]) < len(shell):
            # Two bodies that have a facet in common and could not be told apart: one may lie in the other.
            raise Unpriceable(NOT_CLEAN)
    return Surface(vertices, edges.faces, shell)
