"""How much metal are bodies that overlap?"""

import itertools
import math
import time

import numpy as np
import pytest
from trimesh import Trimesh, creation

from mes.geometry.answers import Solid
from mes.geometry.bodies import Shell
from mes.geometry.solid import solid_of
from mes.geometry.union import metal_of
from tests.mes.geometry.test_bodies import box, parts, solid


def test_what_two_bodies_share_is_counted_once_and_said() -> None:
    cubes = [box(2), box(2, (1, 0, 0))]
    wanted = Solid(pytest.approx(12), pytest.approx((3, 2, 2)), 1, is_overlapping=True)

    assert solid(*cubes) == wanted
    assert solid_of(parts(*cubes)) == wanted


@pytest.mark.parametrize("flips", list(itertools.product([False, True], repeat=2)))
def test_bodies_that_cross_are_metal_whichever_way_they_face(flips: tuple[bool, bool]) -> None:
    cubes = [box(2, inside_out=flips[0]), box(1, (1, 0.1, 0.2), inside_out=flips[1])]

    assert solid(*cubes).volume_mm3 == pytest.approx(8.5)
    assert solid(*cubes).is_overlapping


def test_a_shell_in_metal_that_faces_as_it_does_is_metal_in_metal() -> None:
    wanted = Solid(pytest.approx(64), pytest.approx((4, 4, 4)), 1, is_overlapping=True)

    assert solid(box(4), box(2)) == wanted
    assert solid(box(4, inside_out=True), box(2, inside_out=True)) == wanted


def test_two_instances_in_one_place_are_one() -> None:
    wanted = Solid(pytest.approx(8), pytest.approx((2, 2, 2)), 1, is_overlapping=True)

    assert solid_of(parts(box(2), box(2))) == wanted
    assert solid(box(2), box(2)) == wanted
    assert solid_of(parts(box(2), box(2, inside_out=True))) == wanted


def test_a_bar_inside_out_through_a_rings_hole_is_no_cavity() -> None:
    """Its corners are all in the metal, its middle is not."""
    ring = creation.annulus(8, 10, 4, sections=64)
    bar = creation.box((18, 1, 1))
    length = 2 * 8 * math.cos(math.pi / 64)
    bar.invert()

    assert solid(ring, bar).volume_mm3 == pytest.approx(ring.volume + length, rel=0.002)
    assert solid(ring, bar).is_overlapping


def test_cavities_that_cross_each_other_are_taken_away_once() -> None:
    holes = [box(2, inside_out=True), box(2, (1, 0, 0), inside_out=True)]
    found = solid(box(6), *holes)

    assert found.volume_mm3 == pytest.approx(216 - 12)
    assert found.is_overlapping


def test_a_hollow_body_keeps_its_cavity_when_another_overlaps_it() -> None:
    hollow = [box(6), box(4, inside_out=True)]

    assert solid(*hollow, box(2, (3, 0, 0))).volume_mm3 == pytest.approx(216 - 64 + 4)
    assert solid(*hollow, box(1, (2, 0, 0))).volume_mm3 == pytest.approx(216 - 64 + 0.5)
    # It fills what it reaches into.
    assert solid(*hollow, box(4, (4, 0, 0))).volume_mm3 == pytest.approx(216 - 64 + 48)


def test_bodies_that_touch_or_lie_in_each_others_boxes_are_not_said_to_overlap() -> None:
    ring = creation.torus(9, 2, major_sections=32, minor_sections=16)
    linked = ring.copy()
    linked.apply_transform(np.array([[1, 0, 0, 9], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1.0]]))
    stone = creation.icosphere(subdivisions=2, radius=1)
    stone.apply_translation([-4.5, 0, 0])

    assert solid(ring, linked, stone) == Solid(
        pytest.approx(2 * ring.volume + stone.volume), pytest.approx((31, 22, 22), abs=0.5), 3
    )
    touching = solid_of(parts(box(2), box(2, (2, 0, 0)), box(2, (1, 2, 0))))
    assert touching == Solid(pytest.approx(24), pytest.approx((4, 4, 2)), 3)


def test_the_union_of_balls_is_what_the_formula_says() -> None:
    balls = [creation.icosphere(subdivisions=4, radius=5) for _ in range(2)]
    balls[1].apply_translation([5, 0, 0])
    lens = math.pi * (4 * 5 + 5) * (2 * 5 - 5) ** 2 / 12

    assert solid(*balls).volume_mm3 == pytest.approx(2 * 4 / 3 * math.pi * 125 - lens, rel=0.01)


def test_a_row_of_bodies_and_a_crowded_ring_take_seconds() -> None:
    begin = time.process_time()
    beads = [box(1, (0.9 * n, 0, 0)) for n in range(500)]
    assert solid_of(parts(*beads)).volume_mm3 == pytest.approx(1 + 499 * 0.9)

    ring = creation.torus(9, 2, major_sections=100, minor_sections=30)
    stones = []
    for n in range(500):
        stone = creation.icosphere(subdivisions=1, radius=0.2)
        turn, tilt = 2 * math.pi * n / 100, 0.5 * (n // 100)
        reach = 9 + 2 * math.cos(tilt)
        stone.apply_translation([reach * math.cos(turn), reach * math.sin(turn), 2 * math.sin(tilt)])
        stones.append(stone)
    found = solid_of(parts(ring, *stones))
    assert ring.volume < found.volume_mm3 < ring.volume + 500 * stones[0].volume
    assert (found.is_overlapping, found.is_sum, found.bodies) == (True, False, 1)
    assert time.process_time() - begin < 10


def test_where_no_union_can_be_had_the_volumes_are_added_up_and_it_is_said() -> None:
    """Shells that lack a triangle stand for whatever else can't be united."""
    one, other, far, cavity = (
        _shell_with_a_hole(mesh)
        for mesh in (box(4), box(4, (1, 0, 0)), box(4, (9, 0, 0)), box(2, inside_out=True))
    )

    assert metal_of([one, other]) == Solid(128, (5, 4, 4), 2, is_sum=True)
    assert metal_of([one, cavity]) == Solid(56, (4, 4, 4), 1, is_sum=True)
    assert metal_of([one, far]) == Solid(128, (13, 4, 4), 2)


def _shell_with_a_hole(cube: Trimesh) -> Shell:
    low, high = cube.bounds
    return Shell(0, np.asarray(cube.vertices), np.asarray(cube.faces)[1:], round(cube.volume), low, high)


def test_a_mesh_of_its_own_for_each_body_and_one_mesh_of_all_are_the_same_metal() -> None:
    meshes: list[Trimesh] = [box(4), box(3, inside_out=True), box(1), box(2, (3, 0, 0)), box(2, (9, 9, 9))]
    whole = solid(*meshes)

    assert solid_of(parts(*meshes)) == whole
    assert whole.volume_mm3 == pytest.approx(64 - 27 + 1 + 8 + 8)
