"""Which points are one, and which triangles are left then?"""

import math
import time

import numpy as np
import pytest
from trimesh import creation

from mes.geometry.answers import Unpriceable
from mes.geometry.parts import Floats, Part
from mes.geometry.solid import solid_of
from mes.geometry.weld import _SPREAD, distinct_rows, welded, welded_nearby


def soup(triangles: Floats) -> Part:
    """Triangles that each bring their own points, as STL does."""
    return Part(triangles.reshape(-1, 3), np.arange(3 * len(triangles)).reshape(-1, 3))


def ring(sections: int = 32) -> Floats:
    """The triangles of a ring by an ordinary loop: its last section is at sin(2 pi) = -2.4e-16, not at 0."""
    turn = np.linspace(0, 2 * math.pi, sections + 1)
    profile = [(9.0, -1.0), (10.0, -1.0), (10.0, 1.0), (9.0, 1.0)]
    points = np.array([[[r * math.cos(a), r * math.sin(a), z] for r, z in profile] for a in turn])
    triangles = []
    for n in range(sections):
        for k in range(4):
            a, b = points[n, k], points[n, (k + 1) % 4]
            c, d = points[n + 1, (k + 1) % 4], points[n + 1, k]
            triangles += [[a, d, c], [a, c, b]]
    return np.array(triangles)


def test_equal_rows_are_numbered_by_where_they_first_stand() -> None:
    first, index = distinct_rows(np.array([[5, 1, 1], [2, 2, 2], [5, 1, 1], [-7, 0, 0]]))

    assert first.tolist() == [0, 1, 3]
    assert index.tolist() == [0, 1, 0, 2]


def test_rows_that_share_a_hash_are_not_taken_for_each_other() -> None:
    first_columns = np.array([1, 2], dtype=np.uint64) * _SPREAD[0]
    first_columns ^= first_columns >> np.uint64(32)
    twin = (first_columns[0] ^ first_columns[1] ^ np.uint64(7)).view(np.int64)
    first, index = distinct_rows(np.array([[1, 7, 3], [2, twin, 3], [1, 7, 3], [2, 2, 2]]))

    assert first.tolist() == [0, 1, 3]
    assert index.tolist() == [0, 1, 0, 2]


def test_zero_and_minus_zero_are_one_place() -> None:
    part = soup(np.array([[[0.0, 1, 2], [1, 0, 0], [0, 3, 0]], [[-0.0, 1, 2], [1, -0.0, 0], [0, 0, 5]]]))

    assert len(welded(part).vertices) == 4


def test_a_ring_whose_seam_is_off_by_rounding_is_closed() -> None:
    volume = 4 * 32 / 2 * math.sin(2 * math.pi / 32) * (100 - 81) / 2

    assert solid_of([soup(ring())]).volume_mm3 == pytest.approx(volume, rel=1e-9)
    assert solid_of([soup(ring().astype(np.float32).astype(np.float64))]).volume_mm3 == pytest.approx(
        volume, rel=1e-6
    )


@pytest.mark.parametrize("sections", [3, 7, 8, 16, 100, 999])
@pytest.mark.parametrize("shift", [0.0, 1e-15, -1e-15, 5.0, 1 / 3])
def test_no_place_of_the_seam_opens_it(sections: int, shift: float) -> None:
    assert solid_of([soup(ring(sections) + shift)]).bodies == 1


def test_points_within_the_tolerance_are_one_wherever_they_lie() -> None:
    dice = np.random.default_rng(1)
    places = dice.uniform(-5, 5, (500, 3))
    step = dice.normal(size=(500, 3))
    twins = places + 0.99e-6 * step / np.linalg.norm(step, axis=1)[:, None]
    points = np.concatenate([places, twins])
    slivers = Part(points, np.array([[n, n + 1, n + 500] for n in range(499)]))
    strips = Part(points, np.array([[n, n + 501, (n + 2) % 500] for n in range(499)]))

    # Each has a point and its twin: two of its corners are one.
    assert len(welded_nearby(slivers, np.arange(1000), 1e-6).faces) == 0
    assert welded_nearby(strips, np.arange(1000), 1e-6).faces.max() < 500


def test_points_four_tolerances_apart_stay_two() -> None:
    part = Part(np.array([[0.0, 0, 0], [4e-6, 0, 0], [0, 1, 0]]), np.array([[0, 1, 2]]))

    assert welded_nearby(part, np.arange(3), 1e-6).faces.tolist() == [[0, 1, 2]]


def test_a_seam_of_points_side_by_side_is_not_drawn_together_lengthwise() -> None:
    points = np.zeros((1001, 3))
    points[:1000, 0] = np.arange(1000) * 0.5e-6
    points[1000] = 1
    part = Part(points, np.array([[n, n + 1, 1000] for n in range(999)]))

    assert len(welded_nearby(part, np.arange(1001), 1e-6).faces) == 999


def test_only_an_open_surface_has_near_points_made_one() -> None:
    """A wall of 20 nm on a model of 20 mm stays, for nothing is open."""
    box, wall = creation.box((20, 20, 20)), creation.box((1, 1, 1.5e-5))

    wall.apply_translation([15, 0, 0])

    assert solid_of([Part(box.vertices, box.faces), Part(wall.vertices, wall.faces)]).bodies == 2


def test_a_cloud_of_loose_triangles_is_refused_in_a_few_seconds() -> None:
    """All in one place, all apart, and in a grid of neighbours."""
    dice = np.random.default_rng(2)
    size = 50_000
    grid = np.stack(np.meshgrid(*[np.arange(37)] * 3), axis=-1).reshape(-1, 3)[:size] * 1e-6
    for places in (np.zeros((size, 3)), dice.uniform(-1, 1, (size, 3)), grid):
        triangles = places[:, None] + dice.normal(size=(size, 3, 3)) * 1e-8
        triangles[0] = [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
        begin = time.process_time()
        with pytest.raises(Unpriceable, match=r"holes|no volume|clean"):
            solid_of([soup(triangles)])
        assert time.process_time() - begin < 5
