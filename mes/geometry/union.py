"""How much metal are bodies that may overlap?

What several bodies share is metal once. Their union is made by manifold3d, whose results are closed whatever
touches or coincides (Smith & Dodgson 2007, "A topologically robust algorithm for Boolean operations").
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from manifold3d import Error, Manifold, Mesh64, OpType

from mes.geometry.answers import Solid
from mes.geometry.bodies import Body, Shell, bodies_of, metal_around, nested
from mes.geometry.components import components

# Volumes that differ by a smaller share are equal: what only touches shares some rounding errors.
_EQUAL = 1e-6
# What manifold3d raises when memory or its own limits run out, and what we do.
_FAILURES = (MemoryError, RuntimeError, ValueError)


@dataclass(frozen=True)
class _Union:
    """Some bodies as metal: volume in mm3, in how many pieces, and what is odd about it (see ``Solid``)."""

    volume: float
    pieces: int
    is_overlapping: bool = False
    is_sum: bool = False


class _Candidate:
    """A body, and as what manifold3d makes of it."""

    def __init__(self, body: Body) -> None:
        self.body = body

    @cached_property
    def manifold(self) -> Manifold:
        """The outer shell less the cavities. Raises ``ValueError`` where there is none."""
        shells = [_manifold(shell) for shell in (self.body.outer, *self.body.cavities)]
        return Manifold.batch_boolean(shells, OpType.Subtract)


def metal_of(shells: list[Shell]) -> Solid:
    """All that the shells enclose.

    1. The shells are nested by some of their points. A cavity that turns out to break through its body's
       surface is not one of that body, nor is each of two that cross where another body has room for one;
       then they are nested again.
    2. Bodies whose boxes overlap, also by way of others, are united.
    3. Where the union is as much as the sum they do not overlap, and the sum stands.
    """
    around = nested(shells)
    while True:
        bodies = bodies_of(around)
        solids = [_Candidate(body) for body in bodies.values()]
        misplaced = [(one, solid.body.outer) for solid in solids for one in _misplaced(solid, around, bodies)]
        if not misplaced:
            break
        for cavity, outer in misplaced:
            around[cavity].remove(outer)
    found = [_united(cluster) for cluster in _clusters(solids)]
    x, y, z = np.max([shell.high for shell in bodies], axis=0) - np.min(
        [shell.low for shell in bodies], axis=0
    )
    return Solid(
        sum(union.volume for union in found),
        (float(x), float(y), float(z)),
        sum(union.pieces for union in found),
        any(union.is_overlapping for union in found),
        any(union.is_sum for union in found),
    )


def _manifold(shell: Shell) -> Manifold:
    """The shell facing outwards. Raises ``ValueError`` where it is not taken, or not as it is."""
    used, faces = np.unique(shell.faces, return_inverse=True)
    faces = faces.reshape(-1, 3).astype(np.uint64)
    if shell.volume < 0:
        faces = faces[:, ::-1]
    manifold = Manifold(Mesh64(shell.vertices[used], np.ascontiguousarray(faces)))
    if manifold.status() != Error.NoError or not _is_equal(manifold.volume(), abs(shell.volume)):
        raise ValueError("not an oriented manifold")
    return manifold


def _is_equal(one: float, other: float) -> bool:
    return abs(one - other) <= _EQUAL * max(abs(one), abs(other))


def _misplaced(solid: _Candidate, around: dict[Shell, list[Shell]], bodies: dict[Shell, Body]) -> list[Shell]:
    """The cavities that belong to another body around them, or to none, rather than to this body."""
    body = solid.body
    try:
        if not body.cavities or _is_equal(solid.manifold.volume(), body.volume):
            return []
        outer = _manifold(body.outer)
        shared = [(outer ^ _manifold(cavity)).volume() for cavity in body.cavities]
    except _FAILURES:
        return []
    breaking = [
        cavity
        for cavity, volume in zip(body.cavities, shared, strict=True)
        if not _is_equal(volume, abs(cavity.volume))
    ]
    # All lie in the body but cross each other. Where two hollow bodies overlap, each may have its own.
    elsewhere = []
    for cavity in body.cavities:
        other = metal_around([shell for shell in around[cavity] if shell is not body.outer], bodies)
        if other and other.faces_against(cavity):
            elsewhere.append(cavity)
    return breaking or elsewhere[1:]


def _clusters(solids: list[_Candidate]) -> Iterator[list[_Candidate]]:
    """The solids in groups whose boxes overlap; boxes that only touch don't."""
    low = np.array([solid.body.outer.low for solid in solids])
    high = np.array([solid.body.outer.high for solid in solids])
    is_common = np.logical_and.reduce([low[:, None, k] < high[:, k] for k in range(3)])
    label = components(len(solids), *np.nonzero(is_common & is_common.T))
    for cluster in np.unique(label):
        yield [solids[n] for n in np.flatnonzero(label == cluster)]


def _united(solids: list[_Candidate]) -> _Union:
    total = sum(solid.body.volume for solid in solids)
    if len(solids) == 1 and not solids[0].body.cavities:
        return _Union(total, 1)
    try:
        manifolds = [solid.manifold for solid in solids]
        union = Manifold.batch_boolean(manifolds, OpType.Add)
        volume = union.volume()
        if _is_equal(volume, total):
            return _Union(total, len(solids))
        volumes = [manifold.volume() for manifold in manifolds]
        if not (1 - _EQUAL) * max(volumes) <= volume <= (1 + _EQUAL) * sum(volumes):
            raise ValueError("not a union")
        pieces = sum(piece.volume() > 0 for piece in union.decompose())
    except _FAILURES:
        return _Union(total, len(solids), is_sum=True)
    return _Union(volume, pieces, is_overlapping=True)
