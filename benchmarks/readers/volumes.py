"""How large is what an independent reader read: as a sum of tetrahedra, and as a union by manifold3d?"""

import importlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.readers.others import Floats, Ints, Mesh

Surface = tuple[Floats, Ints]

# Points as near as this part of the model's size are one; 0 is the same number only.
_NEAR = (0.0, 1e-7, 1e-5)
# Bodies of which a union is still made within a minute.
_MOST_BODIES = 500
# How much of a body must lie in another to be called inside.
_WHOLLY = 0.999
# A body that manifold3d takes keeps its volume, but for rounding.
_SAME = 1e-6


def judged(meshes: Sequence[Mesh]) -> dict[str, Any]:
    """The sum and the union in mm3, and how many edges are open.

    ``fan`` and ``fan_union`` are the same with larger polygons cut from their first point: what is not flat
    has no other volume than that of the way it is cut.
    """
    by_shape = [(mesh.points, mesh.triangles) for mesh in meshes]
    as_fans = [(mesh.points, mesh.fans) for mesh in meshes]
    found: dict[str, Any] = {
        "sum": sum(_volume(*surface) for surface in by_shape),
        "fan": sum(_volume(*surface) for surface in as_fans),
        "triangles": sum(len(mesh.triangles) for mesh in meshes),
        **_enclosed(by_shape),
    }
    if abs(found["sum"] - found["fan"]) > _SAME * abs(found["sum"]):
        found["fan_union"] = _enclosed(as_fans).get("union")
    return found


def _enclosed(parts: Sequence[Surface]) -> dict[str, Any]:
    """How many edges have no partner, and where all have one, the bodies and their union."""
    surfaces, unpaired = _closed(parts)
    if unpaired:
        return {"unpaired": unpaired}
    bodies = [body for points, triangles in surfaces for body in _bodies(points, triangles)]
    union = _union(bodies) if len(bodies) <= _MOST_BODIES else "too many bodies"
    return {"unpaired": 0, "bodies": len(bodies), "union": union}


def _volume(points: Floats, triangles: Ints) -> float:
    """Signed, around the middle of the points: far from it differences lose digits."""
    if not len(triangles):
        return 0.0
    around = points - (points.min(axis=0) + points.max(axis=0)) / 2
    a, b, c = (around[triangles[:, n]] for n in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def _closed(parts: Sequence[Surface]) -> tuple[list[Surface], int]:
    """The surfaces with points at one place made one, and how many of their edges have no partner.

    Each part by itself as its file joins it, or with points welded, or all parts together: the first of
    these ways that closes, or else the one that leaves least open.
    """
    least: tuple[list[Surface], int] = (list(parts), _unpaired(parts))
    for group in [parts, *([[_joined(parts)]] if len(parts) > 1 else [])]:
        reach = max((float(np.ptp(points, axis=0).max()) for points, _ in group), default=0.0)
        for near in _NEAR:
            if not least[1]:
                return least
            welded = [_welded(points, triangles, near * reach) for points, triangles in group]
            least = min(least, (welded, _unpaired(welded)), key=lambda found: found[1])
    return least


def _joined(parts: Sequence[Surface]) -> Surface:
    first = np.cumsum([0, *(len(points) for points, _ in parts)])
    return (
        np.concatenate([np.empty((0, 3)), *(points for points, _ in parts)]),
        np.concatenate(
            [np.empty((0, 3), np.int64), *(t + n for (_, t), n in zip(parts, first, strict=False))]
        ),
    )


def _welded(points: Floats, triangles: Ints, near: float) -> Surface:
    """Sorted along each axis in turn, points closer than ``near`` to the one before share a place there."""
    places = np.empty(points.shape, dtype=np.int64)
    for axis in range(3):
        order = np.argsort(points[:, axis], kind="stable")
        steps = np.diff(points[order, axis], prepend=points[order[:1], axis]) > near
        places[order, axis] = np.cumsum(steps)
    _, first, index = np.unique(places, axis=0, return_index=True, return_inverse=True)
    found = index.reshape(-1)[triangles]
    a, b, c = found.T
    return points[first], found[(a != b) & (b != c) & (c != a)]


def _edge_keys(triangles: Ints) -> tuple[Ints, npt.NDArray[np.int8]]:
    """Each directed edge as one number without its direction, and its direction, 1 or -1."""
    start, end = triangles[:, [0, 1, 2]].ravel(), triangles[:, [1, 2, 0]].ravel()
    size = int(triangles.max(initial=0)) + 1
    return np.minimum(start, end) * size + np.maximum(start, end), np.where(start < end, 1, -1).astype(
        np.int8
    )


def _unpaired(parts: Sequence[Surface]) -> int:
    """Edges that run one way more often than the other."""
    unpaired = 0
    for _, triangles in parts:
        if len(triangles):
            keys, way = _edge_keys(triangles)
            _, index = np.unique(keys, return_inverse=True)
            unpaired += int(np.count_nonzero(np.bincount(index.reshape(-1), weights=way)))
    return unpaired


def _bodies(points: Floats, triangles: Ints) -> list[Surface]:
    """Triangles that hang together by points."""
    label = np.arange(len(points))
    while True:
        least = label[triangles].min(axis=1)
        before = label.copy()
        for corner in range(3):
            np.minimum.at(label, triangles[:, corner], least)
        label = np.minimum(label, label[label])
        if (label == before).all():
            break
    body = label[triangles[:, 0]]
    order = np.argsort(body, kind="stable")
    cuts = [0, *(np.flatnonzero(np.diff(body[order])) + 1), len(order)]
    return [(points, triangles[order[a:b]]) for a, b in pairwise(cuts) if b > a]


def _union(bodies: Sequence[Surface]) -> float | str:
    """The volume that all bodies fill together, in mm3; or why there is none.

    A body that faces inwards is a cavity where it lies inside those that face outwards, else it was exported
    inside out and is turned over. What lies in a cavity is metal again.
    """
    manifold3d = importlib.import_module("manifold3d")
    solids: list[Any] = []
    hollows: list[Any] = []
    turn = sum(_volume(*body) for body in bodies) < 0
    for points, triangles in bodies:
        volume = _volume(points, triangles)
        used, index = np.unique(triangles, return_inverse=True)
        corners = index.reshape(-1, 3)
        mesh = manifold3d.Mesh64(
            points[used], (corners[:, ::-1] if volume < 0 else corners).astype(np.uint64)
        )
        solid = manifold3d.Manifold(mesh)
        if solid.status() != manifold3d.Error.NoError:
            return str(solid.status())
        if abs(solid.volume() - abs(volume)) > _SAME * abs(volume):
            return "manifold3d pairs its faces otherwise"
        (hollows if (volume < 0) != turn else solids).extend(solid.decompose())
    add = manifold3d.OpType.Add
    metal = manifold3d.Manifold.batch_boolean(solids, add)
    cavities = [hollow for hollow in hollows if _is_inside(hollow, metal)]
    turned = [hollow for hollow in hollows if not any(hollow is cavity for cavity in cavities)]
    if cavities:
        empty = manifold3d.Manifold.batch_boolean(cavities, add)
        kept = [solid for solid in solids if solid.volume() < empty.volume() and _is_inside(solid, empty)]
        metal = manifold3d.Manifold.batch_boolean([metal - empty, *kept], add)
    return float(manifold3d.Manifold.batch_boolean([metal, *turned], add).volume())


def _is_inside(inner: Any, outer: Any) -> bool:
    return bool((inner ^ outer).volume() > _WHOLLY * inner.volume())
