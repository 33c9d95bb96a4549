"""Do these triangles close around a solid, and how large is it?"""

import numpy as np
import numpy.typing as npt
from trimesh.grouping import group_rows

from mes.geometry.answers import Solid, Unpriceable
from mes.geometry.parts import Floats, Ints, Part, check_amount, joined

# A kilometre: larger is never meant, and sums of such volumes would lose their last digits.
_MOST_MM = 1e6
# Points in one cell of a grid of 2 million across the model are one point: 10 nm on a ring, less than its
# program wrote down. Three such numbers fit into one of 63 bits, which sorts fast.
_GRID_BITS = 21
_FLAT = "The model has no volume: it is flat or only a surface, there is nothing to cast."


def solid_of(parts: list[Part]) -> Solid:
    """The solid that the parts' surfaces enclose.

    1. Points at one place become one; each part, or else all together, must be closed.
    2. Triangles that share an edge are one body; within a body they are turned to face the same way.
    3. A body's volume is the sum of the tetrahedra from one point to its triangles (Zhang & Chen 2001),
       positive when it faces outwards. A body inside out within another's box is a cavity and is subtracted;
       elsewhere it is a solid that was exported inside out, and is added.

    Bodies that overlap are counted twice, and a part inside out in the hole of a ring counts as a cavity: to
    know better takes a boolean union, which fails on the very files that need it. Raises ``Unpriceable``.
    """
    vertices, faces, edge_pairs = _closed_surface(_checked(parts))
    triangles = vertices[faces]
    flipped, body = _orientation(faces, edge_pairs)
    signed = np.einsum("ij,ij->i", triangles[:, 0], np.cross(triangles[:, 1], triangles[:, 2])) / 6
    signed[flipped] *= -1
    volumes: Floats = np.bincount(body, weights=signed).astype(np.float64)
    lowest, highest = _boxes(triangles, body, len(volumes))
    cavity = _cavities(volumes, lowest, highest)
    volume = float(np.where(cavity, -np.abs(volumes), np.abs(volumes)).sum())
    x, y, z = (float(size) for size in np.ptp(triangles, axis=(0, 1)))
    if volume <= 1e-12 * max(x, y, z) ** 3:
        raise Unpriceable(_FLAT)
    return Solid(volume, (x, y, z), int(len(volumes) - cavity.sum()))


def _checked(parts: list[Part]) -> list[Part]:
    """The parts that have triangles, around the origin (far from it, differences would lose digits)."""
    parts = [part for part in parts if len(part.faces)]
    if not parts:
        raise Unpriceable("The file holds no triangles: there is no surface to measure.")
    check_amount(sum(len(part.faces) for part in parts), len(parts))
    if any(part.faces.min() < 0 or part.faces.max() >= len(part.vertices) for part in parts):
        raise Unpriceable("The file is damaged: its triangles name points that are not there.")
    parts = [_without_spare_points(part) for part in parts]
    if not all(np.isfinite(part.vertices).all() for part in parts):
        raise Unpriceable("The file is damaged: some of its coordinates are not numbers.")
    low = np.min([part.vertices.min(axis=0) for part in parts], axis=0)
    high = np.max([part.vertices.max(axis=0) for part in parts], axis=0)
    if max(high - low) > _MOST_MM:
        raise Unpriceable("The model is too large to make. Check the unit it was exported in.")
    return [Part(part.vertices - (low + high) / 2, part.faces) for part in parts]


def _without_spare_points(part: Part) -> Part:
    """The part without the points that no triangle uses: they would count in its size."""
    is_used = np.bincount(part.faces.ravel(), minlength=len(part.vertices)) > 0
    return Part(part.vertices[is_used], (np.cumsum(is_used) - 1)[part.faces])


def _closed_surface(parts: list[Part]) -> tuple[Floats, Ints, Ints]:
    """Points, triangles and, for each edge, the two places in ``_edges`` where it stands.

    Objects of one file may touch, so each is looked at by itself first; but one solid may also be listed in
    pieces, by colour for example.
    """
    reach = max(float(np.abs(part.vertices).max()) for part in parts)
    welded = [_weld(part, reach) for part in parts]
    if len(parts) > 1 and not all(_is_closed(part.faces) for part in welded):
        welded = [_weld(joined(parts), reach)]
    whole = joined(welded)
    if not len(whole.faces):
        raise Unpriceable(_FLAT)
    edges = np.sort(_edges(whole.faces), axis=1)
    pairs = group_rows(edges, require_count=2)
    if len(pairs) * 2 != len(edges):
        alone = len(group_rows(edges, require_count=1))
        raise Unpriceable(_not_closed(alone))
    return whole.vertices, whole.faces, pairs


def _not_closed(open_edges: int) -> str:
    if open_edges:
        return (
            f"The surface has holes ({open_edges} open edges): it encloses no volume. "
            "Close it in your CAD program and send it again."
        )
    return (
        "The surface is not a clean solid: in places more than two faces meet at one edge. "
        "Join or separate its bodies in your CAD program and send it again."
    )


def _weld(part: Part, reach: float) -> Part:
    """The part with points at one place made one, without the triangles that this leaves with no area.

    STL repeats each point for each triangle, other formats wherever colour or shading changes.
    """
    cells = 2**_GRID_BITS - 1
    grid = np.round((part.vertices / (reach or 1) + 1) / 2 * cells).astype(np.int64)
    key = grid @ np.array([1 << 2 * _GRID_BITS, 1 << _GRID_BITS, 1])
    _, first, index = np.unique(key, return_index=True, return_inverse=True)
    faces = index[part.faces]
    a, b, c = faces.T
    return Part(part.vertices[first], faces[(a != b) & (b != c) & (c != a)])


def _edges(faces: Ints) -> Ints:
    """Each triangle's three directed edges: row ``3 * n + k`` is edge k of triangle n."""
    return faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)


def _is_closed(faces: Ints) -> bool:
    edges = np.sort(_edges(faces), axis=1)
    return len(edges) == 2 * len(group_rows(edges, require_count=2))


def _orientation(faces: Ints, edge_pairs: Ints) -> tuple[npt.NDArray[np.bool_], Ints]:
    """Which triangles to turn over so that neighbours face the same way, and each triangle's body, from 0.

    Every triangle has two sides, n and n + count. Neighbours that run along their edge in opposite directions
    share sides, others share n with the far side: a body is a pair of components of that graph.
    """
    count = len(faces)
    start = _edges(faces)[:, 0]
    one, other = edge_pairs.T // 3
    crossed = np.where(start[edge_pairs[:, 0]] == start[edge_pairs[:, 1]], count, 0)
    side = _components(
        2 * count,
        np.concatenate([one, one + count]),
        np.concatenate([other + crossed, other + count - crossed]),
    )
    near, far = side[:count], side[count:]
    if (near == far).any():
        raise Unpriceable("The surface has only one side, like a Moebius strip: it encloses no volume.")
    _, body = np.unique(np.minimum(near, far), return_inverse=True)
    return near > far, body


def _components(count: int, one: Ints, other: Ints) -> Ints:
    """The smallest node that each of ``count`` nodes is connected with, given the edges' two ends.

    Hooking and pointer jumping (Shiloach & Vishkin 1982): a logarithmic number of passes over whole arrays,
    where a graph library walks millions of edges one by one.
    """
    label = np.arange(count)
    while True:
        ends = label[one], label[other]
        if (ends[0] == ends[1]).all():
            return label
        lower = np.minimum(*ends)
        np.minimum.at(label, ends[0], lower)
        np.minimum.at(label, ends[1], lower)
        while (label[label] != label).any():
            label = label[label]


def _boxes(triangles: Floats, body: Ints, bodies: int) -> tuple[Floats, Floats]:
    """The lowest and the highest corner of each body's box."""
    lowest, highest = np.full((bodies, 3), np.inf), np.full((bodies, 3), -np.inf)
    np.minimum.at(lowest, body, triangles.min(axis=1))
    np.maximum.at(highest, body, triangles.max(axis=1))
    return lowest, highest


def _cavities(volumes: Floats, lowest: Floats, highest: Floats) -> npt.NDArray[np.bool_]:
    """Which bodies are holes in another: they face the other way and lie within its box."""
    check_amount(0, len(volumes))
    if volumes.sum() < 0:
        volumes = -volumes
    cavity = volumes < 0
    solid = ~cavity
    for n in np.flatnonzero(cavity):
        around = (lowest[solid] <= lowest[n]).all(axis=1) & (highest[solid] >= highest[n]).all(axis=1)
        cavity[n] = (around & (volumes[solid] > -volumes[n])).any()
    return cavity
