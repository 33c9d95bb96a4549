"""What do readers hand over? Meshes in millimetres, and not more of them than we measure."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mes.geometry.answers import Unpriceable

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Twice what a binary STL of 50 MB holds; measuring as many takes from 6 to 20 s and 1.3 GB.
MAX_TRIANGLES = 2_000_000
#: Meshes, their placings and separate bodies in one file.
MAX_PARTS = 2_000


@dataclass(frozen=True)
class Part:
    """One mesh as its file lists it, in mm: points (n, 3), and triangles as three points' rows (m, 3)."""

    vertices: Floats
    faces: Ints


def placed(part: Part, matrix: Floats) -> Part:
    """The part moved by a 4 x 4 matrix for row vectors; a mirror image is turned to face outwards again."""
    # Column by column: a matrix product may round equal points differently, by where they stand in it.
    x, y, z = part.vertices.T[:, :, None]
    vertices = x * matrix[0, :3] + y * matrix[1, :3] + z * matrix[2, :3] + matrix[3, :3]
    return Part(vertices, part.faces[:, ::-1] if np.linalg.det(matrix[:3, :3]) < 0 else part.faces)


def joined(parts: list[Part]) -> Part:
    """All parts as one mesh, the points as they are."""
    first = np.cumsum([0, *(len(part.vertices) for part in parts)])
    return Part(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([part.faces + offset for part, offset in zip(parts, first, strict=False)]),
    )


def check_amount(triangles: int, parts: int) -> None:
    """Raises ``Unpriceable`` for more than we measure; readers ask before they copy anything large."""
    if triangles > MAX_TRIANGLES:
        raise Unpriceable(f"The model has more than {MAX_TRIANGLES:,} triangles. Export it with fewer.")
    if parts > MAX_PARTS:
        raise Unpriceable(f"The model is made of more than {MAX_PARTS:,} parts. Join some of them.")


def missing_points() -> Unpriceable:
    """What is said of triangles that name points which are not there."""
    return Unpriceable("The file is damaged: its triangles name points that are not there.")
