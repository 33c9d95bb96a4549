"""Which shells are metal, which are cavities, and which bodies are told apart where they touch?"""

import itertools

import numpy as np
import pytest
from trimesh import Trimesh, creation, util

from mes.geometry.answers import Solid, Unpriceable
from mes.geometry.bodies import windings
from mes.geometry.parts import Floats, Part
from mes.geometry.solid import solid_of


def box(size: float, at: tuple[float, float, float] = (0, 0, 0), inside_out: bool = False) -> Trimesh:
    """A cube around a place."""
    cube = creation.box((size, size, size))
    cube.apply_translation(at)
    if inside_out:
        cube.invert()
    return cube


def parts(*meshes: Trimesh) -> list[Part]:
    return [Part(np.asarray(mesh.vertices), np.asarray(mesh.faces)) for mesh in meshes]


def solid(*meshes: Trimesh) -> Solid:
    """The meshes as one mesh, their triangles in no order."""
    faces = util.concatenate(list(meshes))
    order = np.random.default_rng(3).permutation(len(faces.faces))
    return solid_of([Part(np.asarray(faces.vertices), np.asarray(faces.faces)[order])])


def pair(shift: tuple[float, float, float], flips: tuple[bool, bool] = (False, False)) -> list[Trimesh]:
    """Two cubes of 2 mm with the same tessellation."""
    return [box(2, inside_out=flips[0]), box(2, shift, inside_out=flips[1])]


@pytest.mark.parametrize("flips", list(itertools.product([False, True], repeat=2)))
@pytest.mark.parametrize("shift", [(2, 2, 0), (2, 2, 2), (2, 0, 0), (0, 0, -2), (2, 1, 0), (0, 2, -2)])
def test_bodies_that_touch_along_an_edge_a_corner_or_a_face_are_both_counted(
    shift: tuple[float, float, float], flips: tuple[bool, bool]
) -> None:
    found = solid(*pair(shift, flips))

    assert found.volume_mm3 == pytest.approx(16)
    assert found.extents_mm == pytest.approx(tuple(2 + abs(step) for step in shift))
    assert not found.is_overlapping
    # Two that share a face may count as one where both are inside out.
    assert found.bodies == 2 or all(flips)


@pytest.mark.parametrize("flips", list(itertools.product([False, True], repeat=2)))
def test_a_face_may_be_shared_though_it_is_cut_otherwise(flips: tuple[bool, bool]) -> None:
    other = box(2, (0, 0, 0), inside_out=flips[1])
    other.apply_transform(np.diag([1, -1, 1, 1]))
    other.apply_translation([2, 0, 0])

    assert solid(box(2, inside_out=flips[0]), other).volume_mm3 == pytest.approx(16)


def test_four_cubes_around_an_edge_and_eight_around_a_corner_are_whole() -> None:
    corners = list(itertools.product([0, 2], repeat=3))

    assert solid(*[box(2, at) for at in corners if at[2] == 0]).volume_mm3 == pytest.approx(32)
    assert solid(*[box(2, at) for at in corners]).volume_mm3 == pytest.approx(64)


def test_a_body_may_touch_itself_along_an_edge() -> None:
    """Cubes in a plane, some of which meet in an edge only."""
    cells = {(x, y) for x in range(3) for y in range(3)} - {(1, 1), (0, 0), (2, 2)}

    assert solid_of([_columns(cells)]).volume_mm3 == pytest.approx(6)
    assert solid_of([_columns({(0, 0), (1, 1), (2, 0), (1, 0)} - {(1, 0)})]).volume_mm3 == pytest.approx(3)


def _columns(cells: set[tuple[int, int]]) -> Part:
    """The surface of unit cubes in a plane, without the faces between two of them."""
    triangles: list[Floats] = []
    for cell in cells:
        cube = box(1, (*cell, 0))
        for facet, normal in zip(cube.triangles, cube.face_normals, strict=True):
            if tuple(np.round(np.add(cell, normal[:2])).astype(int)) not in cells - {cell}:
                triangles.append(facet)
    return Part(np.concatenate(triangles), np.arange(3 * len(triangles)).reshape(-1, 3))


def test_a_body_that_touches_another_may_have_triangles_that_face_the_wrong_way() -> None:
    one, other = pair((2, 2, 0))
    other.faces[::3] = other.faces[::3, ::-1]

    assert solid(one, other).volume_mm3 == pytest.approx(16)


@pytest.mark.parametrize("count", [1, 5, 12])
@pytest.mark.parametrize("is_turned", [False, True])
def test_facets_that_stand_there_twice_count_once(count: int, is_turned: bool) -> None:
    cube = box(2)
    more = cube.faces[:count, ::-1] if is_turned else cube.faces[:count]
    doubled = Trimesh(cube.vertices, np.vstack([cube.faces, more]), process=False)

    assert solid_of(parts(doubled)).volume_mm3 == pytest.approx(8)
    assert solid(doubled).volume_mm3 == pytest.approx(8)


def test_pieces_that_close_together_are_one_solid_and_several_such_solids_are_several() -> None:
    pieces = [
        Trimesh(cube.vertices, half, process=False)
        for cube in (box(2), box(3, (10, 0, 0)))
        for half in (cube.faces[:5], cube.faces[5:])
    ]

    assert solid_of(parts(*pieces)) == Solid(pytest.approx(35), pytest.approx((12.5, 3, 3)), 2)
    assert solid_of(parts(*pieces, box(1, (20, 0, 0)))).bodies == 3
    with pytest.raises(Unpriceable, match="holes"):
        solid_of(parts(*pieces[1:], box(1, (20, 0, 0))))


def test_a_ball_inside_out_in_the_hole_of_a_ring_is_metal() -> None:
    ring = creation.annulus(8, 10, 4, sections=32)
    ball = creation.icosphere(subdivisions=2, radius=3)
    volume = ring.volume + ball.volume
    ball.invert()

    assert solid(ring, ball) == Solid(pytest.approx(volume), pytest.approx((20, 20, 4), abs=2), 2)
    ring.invert()
    assert solid(ring, ball).volume_mm3 == pytest.approx(volume)


@pytest.mark.parametrize("flips", list(itertools.product([False, True], repeat=2)))
def test_a_ball_in_a_cavity_is_metal_whichever_way_it_faces(flips: tuple[bool, bool]) -> None:
    whole, inner = flips
    hollow = [box(6, inside_out=whole), box(4, inside_out=not whole), box(2, (0.5, 0, 0), inside_out=inner)]

    assert solid(*hollow) == Solid(pytest.approx(216 - 64 + 8), pytest.approx((6, 6, 6)), 2)
    assert solid_of(parts(*hollow)).volume_mm3 == pytest.approx(216 - 64 + 8)


def test_cavities_within_cavities_take_turns() -> None:
    shells = [box(size, inside_out=n % 2 == 1) for n, size in enumerate((10, 8, 6, 4, 2))]

    assert solid(*shells).volume_mm3 == pytest.approx(1000 - 512 + 216 - 64 + 8)
    assert solid(*shells).bodies == 3


def test_a_flat_sheet_beside_a_solid_is_no_metal() -> None:
    sheet = Trimesh([[9, 0, 0], [19, 0, 0], [9, 9, 0]], [[0, 1, 2], [0, 2, 1]], process=False)

    assert solid(box(2), sheet) == Solid(pytest.approx(8), pytest.approx((2, 2, 2)), 1)


def test_points_are_in_a_surface_as_often_as_it_winds_around_them() -> None:
    ball = creation.icosphere(subdivisions=3, radius=2)
    triangles = np.concatenate([ball.triangles, ball.triangles * 0.5, ball.triangles[:, ::-1] * 0.25])
    dice = np.random.default_rng(4)
    points = dice.uniform(-2.5, 2.5, (2000, 3))
    far = np.linalg.norm(points, axis=1)
    is_clear = np.min(np.abs(far[:, None] - [2, 1, 0.5]), axis=1) > 0.05
    wanted = (far < 2).astype(int) + (far < 1) - (far < 0.5)

    assert (windings(points, triangles) == wanted)[is_clear].all()
