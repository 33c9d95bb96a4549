"""Which solid do the meshes of a file enclose, and how large is it?"""

import numpy as np

from mes.geometry.answers import Solid, Unpriceable
from mes.geometry.bodies import FLAT, shells_of
from mes.geometry.parts import Part, check_amount, missing_points
from mes.geometry.surface import closed_surfaces
from mes.geometry.union import metal_of

# A kilometre: larger is never meant, and sums of such volumes would lose their last digits.
_MOST_MM = 1e6
# Points of a seam that lie nearer together than this share of the model's size are one: 200 nm on a ring, far
# less than casting can show.
_NEAR = 1e-5


def solid_of(parts: list[Part]) -> Solid:
    """The solid that the parts' surfaces enclose; its size is that of the metal.

    1. Points at one place become one. Each part, or else all open ones together, must be closed: every edge
       is passed as often one way as the other (``weld``, ``surface``, ``orientation``).
    2. Each closed shell is metal, or a cavity in metal (``bodies``).
    3. What bodies share is counted once (``union``).

    Raises ``Unpriceable``.
    """
    parts, size = _checked(parts)
    shells = shells_of(closed_surfaces(parts, _NEAR * size))
    if sum(abs(shell.volume) for shell in shells) <= FLAT * size**3:
        raise Unpriceable("The model has no volume: it is flat or only a surface, there is nothing to cast.")
    return metal_of(shells)


def _checked(parts: list[Part]) -> tuple[list[Part], float]:
    """The parts that have triangles, around the origin (far from it, differences would lose digits), and the
    largest of their sizes along x, y and z in mm.
    """
    parts = [part for part in parts if len(part.faces)]
    if not parts:
        raise Unpriceable("The file holds no triangles: there is no surface to measure.")
    check_amount(sum(len(part.faces) for part in parts), len(parts))
    if any(part.faces.min() < 0 or part.faces.max() >= len(part.vertices) for part in parts):
        raise missing_points()
    parts = [_without_spare_points(part) for part in parts]
    if not all(np.isfinite(part.vertices).all() for part in parts):
        raise Unpriceable("The file is damaged: some of its coordinates are not numbers.")
    low = np.min([part.vertices.min(axis=0) for part in parts], axis=0)
    high = np.max([part.vertices.max(axis=0) for part in parts], axis=0)
    size = float(max(high - low))
    if size > _MOST_MM:
        raise Unpriceable("The model is too large to make. Check the unit it was exported in.")
    return [Part(part.vertices - (low + high) / 2, part.faces) for part in parts], size


def _without_spare_points(part: Part) -> Part:
    """The part without the points that no triangle uses: they would count in its size."""
    is_used = np.bincount(part.faces.ravel(), minlength=len(part.vertices)) > 0
    return Part(part.vertices[is_used], (np.cumsum(is_used) - 1)[part.faces])
