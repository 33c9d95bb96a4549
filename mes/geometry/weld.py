"""Which points of a mesh are one point?"""

import numpy as np

from mes.geometry.components import components
from mes.geometry.parts import Floats, Ints, Part

# Odd numbers that spread the bits of what they multiply (Steele, Lea & Flood 2014, SplitMix64).
_SPREAD = np.array([0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB], dtype=np.uint64)
# A cell and the half of its 26 neighbours that comes after it; the others see it as theirs.
_AFTER = [(x, y, z) for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if (x, y, z) > (0, 0, 0)]
# Points that are one by way of others lie this many cells apart at most: wider, it would be a seam that is
# drawn together lengthwise.
_WIDEST = 4


def distinct_rows(rows: Ints) -> tuple[Ints, Ints]:
    """Where each different row of three integers stands first, in that order, and each row's place there."""
    mixed = np.zeros(len(rows), dtype=np.uint64)
    for column, spread in zip(rows.view(np.uint64).T, _SPREAD, strict=True):
        mixed = (mixed ^ column) * spread
        mixed ^= mixed >> np.uint64(32)
    order = np.argsort(mixed)
    is_new, is_other = _changes(mixed[order]), _changes(rows[order])
    if (is_new != is_other).any():
        # Two rows with one hash. Sorting by all columns takes three times as long, but is always right.
        order = np.lexsort(rows.T)
        is_other = _changes(rows[order])
    first = np.minimum.reduceat(order, np.flatnonzero(is_other)) if len(rows) else order
    is_first = np.zeros(len(rows), dtype=bool)
    is_first[first] = True
    index = np.empty(len(rows), dtype=np.int64)
    index[order] = (np.cumsum(is_first) - 1)[first][np.cumsum(is_other) - 1]
    return np.flatnonzero(is_first), index


def _changes(values: np.ndarray) -> np.ndarray:
    """Which values differ from the one before."""
    changes = np.ones(len(values), dtype=bool)
    differs = values[1:] != values[:-1]
    changes[1:] = differs if values.ndim == 1 else differs.any(axis=1)
    return changes


def welded(part: Part) -> Part:
    """The part with points of equal coordinates made one, without triangles that have no three corners.

    STL repeats each point for each triangle, other formats wherever colour or shading changes.
    """
    # 0.0 and -0.0 are one place with two bit patterns.
    vertices = np.ascontiguousarray(part.vertices + 0.0)
    first, index = distinct_rows(vertices.view(np.int64))
    return Part(vertices[first], _with_three_corners(index[part.faces]))


def welded_nearby(part: Part, points: Ints, tolerance: float) -> Part:
    """The part with those of the given points made one that lie within ``tolerance`` (mm) of each other.

    No pair is split by where it lies: points in one cell of a grid and in cells side by side are one, so
    that all within the tolerance are, and none that lie four times as far apart. However many points lie in
    a cell, only cells are compared.
    """
    places = part.vertices[points]
    cells = np.floor((places - places.min(axis=0)) / tolerance).astype(np.int64)
    first, cell = distinct_rows(cells)
    label = _side_by_side(cells[first])[cell]
    label[_is_wide(places, label, tolerance)] = -1
    target = np.arange(len(part.vertices))
    is_near = label >= 0
    # The point with the lowest number stands for all in its place.
    lowest = np.full(len(first), len(part.vertices))
    np.minimum.at(lowest, label[is_near], points[is_near])
    target[points[is_near]] = lowest[label[is_near]]
    return Part(part.vertices, _with_three_corners(target[part.faces]))


def _side_by_side(cells: Ints) -> Ints:
    """For each different cell a number that it shares with its neighbours, diagonal ones too, and theirs."""
    # Cells count to a few million an axis, so that three numbers fit into one that is sorted fast.
    weights = np.array([1 << 42, 1 << 21, 1])
    key = (cells + 1) @ weights
    order = np.argsort(key)
    key = key[order]
    found: list[tuple[Ints, Ints]] = []
    for step in _AFTER:
        wanted = key + np.array(step) @ weights
        place = np.searchsorted(key, wanted).clip(max=len(key) - 1)
        is_there = key[place] == wanted
        found.append((np.flatnonzero(is_there), place[is_there]))
    label = np.empty(len(key), dtype=np.int64)
    label[order] = components(len(key), *(np.concatenate(ends) for ends in zip(*found, strict=True)))
    return label


def _is_wide(places: Floats, label: Ints, tolerance: float) -> np.ndarray:
    """Which places belong to a chain of neighbours that is wider than one point can be."""
    low, high = (np.full((len(label), 3), value) for value in (np.inf, -np.inf))
    np.minimum.at(low, label, places)
    np.maximum.at(high, label, places)
    return ((high - low) > _WIDEST * tolerance).any(axis=1)[label]


def _with_three_corners(faces: Ints) -> Ints:
    a, b, c = faces.T
    return faces[(a != b) & (b != c) & (c != a)]
