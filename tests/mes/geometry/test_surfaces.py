"""Which surfaces are solids, how large are they, and what is a client told of the others?"""

import contextlib
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trimesh import Trimesh, creation, transformations, util

from config.demo_models import model_3mf, package_3mf
from events.model_files import ModelKind
from mes.geometry.answers import Solid, Unpriceable
from mes.geometry.measuring import measure_here
from mes.geometry.parts import MAX_PARTS, MAX_TRIANGLES


def measured(*meshes: Trimesh) -> Solid:
    """The meshes measured as one binary STL."""
    return measure_here(util.concatenate(list(meshes)).export(file_type="stl"), ModelKind.STL)


def box(size: float, x: float = 0, inside_out: bool = False) -> Trimesh:
    cube = creation.box((size, size, size))
    cube.apply_translation([x, 0, 0])
    if inside_out:
        cube.invert()
    return cube


def refusal(*meshes: Trimesh) -> str:
    with pytest.raises(Unpriceable) as refused:
        measured(*meshes)
    return refused.value.reason


def test_a_fine_sphere_comes_close_to_the_formula_from_below() -> None:
    volume = measured(creation.icosphere(subdivisions=4, radius=5)).volume_mm3

    assert 0.99 < volume / (4 / 3 * math.pi * 5**3) < 1


def test_a_ring_of_n_sections_has_the_volume_of_its_polygons() -> None:
    ring = creation.annulus(8, 10, 3, sections=64)

    assert measured(ring).volume_mm3 == pytest.approx(64 / 2 * math.sin(2 * math.pi / 64) * 36 * 3, rel=1e-6)


def test_bodies_apart_are_summed() -> None:
    assert measured(box(2), box(3, x=10)) == Solid(pytest.approx(35), pytest.approx((12.5, 3, 3)), 2)


def test_a_solid_exported_inside_out_has_the_same_volume() -> None:
    assert measured(box(2, inside_out=True)).volume_mm3 == pytest.approx(8)
    assert measured(box(2, inside_out=True), box(3, x=10)).volume_mm3 == pytest.approx(35)
    assert measured(box(3, inside_out=True), box(2, x=10)).volume_mm3 == pytest.approx(35)


def test_a_shell_facing_inwards_within_another_is_a_cavity() -> None:
    assert measured(box(4), box(2, inside_out=True)) == Solid(pytest.approx(56), pytest.approx((4, 4, 4)), 1)
    assert measured(box(4, inside_out=True), box(2)).volume_mm3 == pytest.approx(56)
    assert measured(box(4), box(3, inside_out=True), box(1, x=0.5)).volume_mm3 == pytest.approx(64 - 27 + 1)


def test_triangles_that_face_the_wrong_way_are_turned_over() -> None:
    sphere = creation.icosphere(subdivisions=2, radius=5)
    mixed = sphere.copy()
    mixed.faces[::3] = mixed.faces[::3, ::-1]

    assert measured(mixed).volume_mm3 == pytest.approx(sphere.volume, rel=1e-6)


def test_slivers_with_no_area_do_not_open_a_surface() -> None:
    cube = box(2)
    a, b, c = cube.faces[0]
    middle = len(cube.vertices)
    # The edge a-b is split at b itself: one triangle keeps the area, the other has two corners at one place.
    vertices = np.vstack([cube.vertices, cube.vertices[b]])
    faces = np.vstack([cube.faces[1:], [a, middle, c], [middle, b, c], [a, b, middle]])
    split = Trimesh(vertices, faces, process=False)

    assert measured(split).volume_mm3 == pytest.approx(8)


@given(
    factor=st.floats(0.001, 1000),
    turn=st.tuples(*[st.floats(0, 1)] * 3),
    move=st.tuples(*[st.floats(-1000, 1000)] * 3),
)
@settings(max_examples=30, deadline=None)
def test_volume_does_not_depend_on_where_a_solid_lies_and_grows_with_the_cube_of_its_size(
    factor: float, turn: Any, move: Any
) -> None:
    ring = creation.torus(9, 2, major_sections=12, minor_sections=8)
    volume = ring.volume
    ring.apply_transform(transformations.random_rotation_matrix(np.array(turn)))
    ring.apply_scale(factor)
    ring.apply_translation(np.array(move) * factor)
    data = ring.export(file_type="ply", encoding="ascii")

    assert measure_here(data, ModelKind.PLY).volume_mm3 == pytest.approx(volume * factor**3, rel=1e-4)


def test_a_surface_with_a_hole_is_refused_with_the_number_of_its_open_edges() -> None:
    cube = box(2)
    cube.update_faces(np.arange(len(cube.faces)) != 0)

    assert refusal(cube).startswith("The surface has holes (3 open edges)")
    assert refusal(box(3, x=10), cube).startswith("The surface has holes (3 open edges)")


def test_a_wall_with_one_side_within_a_body_is_no_clean_solid() -> None:
    points = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, -1]]
    double_pyramid = [[0, 1, 3], [1, 2, 3], [2, 0, 3], [1, 0, 4], [2, 1, 4], [0, 2, 4]]

    assert measured(Trimesh(points, double_pyramid, process=False)).volume_mm3 == pytest.approx(1 / 3)
    assert "not a clean solid" in refusal(Trimesh(points, [*double_pyramid, [0, 1, 2]], process=False))


def test_objects_of_one_file_may_share_an_edge() -> None:
    first = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"
    second = "v 0 0 0\nv -1 0 0\nv 0 -1 0\nv 0 0 1\nf 5 7 6\nf 5 6 8\nf 5 8 7\nf 6 7 8\n"
    solid = measure_here(f"o one\n{first}o other\n{second}".encode(), ModelKind.OBJ)

    assert solid.volume_mm3 == pytest.approx(1 / 3)
    assert solid.bodies == 2


def test_a_solid_listed_in_pieces_is_one_solid() -> None:
    text = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\no gold\nf 1 3 2\nf 1 2 4\no silver\nf 1 4 3\nf 2 3 4\n"
    solid = measure_here(text.encode(), ModelKind.OBJ)

    assert solid.volume_mm3 == pytest.approx(1 / 6)
    assert solid.bodies == 1


def test_a_flat_model_has_no_volume() -> None:
    sheet = Trimesh([[0, 0, 0], [9, 0, 0], [0, 9, 0]], [[0, 1, 2], [0, 2, 1]], process=False)

    assert refusal(sheet).startswith("The model has no volume")
    assert refusal(Trimesh(np.zeros((3, 3)), [[0, 1, 2]], process=False)).startswith(
        "The model has no volume"
    )


def test_a_closed_surface_with_one_side_only_encloses_nothing() -> None:
    # The hemi-icosahedron, a projective plane: every edge has two triangles, yet no way to tell in from out.
    faces = [(0, n + 1, (n + 1) % 5 + 1) for n in range(5)]
    faces += [(n + 1, (n + 1) % 5 + 1, (n + 3) % 5 + 1) for n in range(5)]
    points = np.random.default_rng(1).normal(size=(6, 3))

    assert "only one side" in refusal(Trimesh(points, faces, process=False))


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("stl", bytes(84), "no triangles"),
        ("stl", b"solid nothing\nendsolid nothing\n", "no triangles"),
        ("obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\n", "no triangles"),
        ("obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 9\n", "damaged"),
        ("ply", creation.icosphere().vertices.tobytes(), "damaged|cut short"),
        ("glb", b"glTF", "damaged"),
        ("3mf", b"PK\x03\x04", "damaged"),
    ],
)
def test_a_file_without_a_surface_is_refused(kind: str, data: bytes, reason: str) -> None:
    with pytest.raises(Unpriceable, match=reason):
        measure_here(data, ModelKind(kind))


@pytest.mark.filterwarnings("ignore:invalid value")
def test_coordinates_that_are_not_numbers_are_refused() -> None:
    for value in (math.nan, math.inf):
        cube = box(2)
        cube.vertices[3, 1] = value
        assert "not numbers" in refusal(cube)


def test_points_that_no_triangle_uses_count_for_nothing() -> None:
    lonely = Trimesh(np.vstack([box(2).vertices, [9e9, math.nan, 0]]), box(2).faces, process=False)
    data = lonely.export(file_type="ply")

    assert measure_here(data, ModelKind.PLY) == Solid(pytest.approx(8), pytest.approx((2, 2, 2)), 1)


def test_what_is_larger_than_a_kilometre_is_too_large_to_make() -> None:
    assert "too large to make" in refusal(box(2e6))
    assert "too large to make" in refusal(box(2), box(2, x=1e30))


def test_more_triangles_or_bodies_than_we_measure_are_refused() -> None:
    triangle = b"".join([bytes(12), np.eye(3, dtype="<f4").tobytes(), bytes(2)])
    many = MAX_TRIANGLES + 1
    with pytest.raises(Unpriceable, match="more than 2,000,000 triangles"):
        measure_here(bytes(80) + many.to_bytes(4, "little") + triangle * many, ModelKind.STL)

    tetrahedron = Trimesh(np.vstack([np.zeros(3), np.eye(3)]), [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    steps = np.arange(MAX_PARTS + 1)[:, None, None] * [2.0, 0, 0]
    triangles = (tetrahedron.triangles[None] + steps[:, None]).reshape(-1, 3, 3)
    crowd = Trimesh(triangles.reshape(-1, 3), np.arange(len(triangles) * 3).reshape(-1, 3), process=False)
    assert "more than 2,000 parts" in refusal(crowd)


@given(
    which=st.integers(0, 5),
    flips=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=6),
    cut=st.floats(0, 1),
)
@settings(max_examples=150, deadline=None)
def test_a_damaged_file_is_measured_or_refused_and_never_anything_else(
    which: int, flips: Any, cut: float
) -> None:
    kind, whole = _WHOLE[which]
    data = bytearray(whole)
    for place, value in flips:
        data[int(place * len(data))] = value
    data = data[: int(len(data) * cut)] if cut < 0.5 else data
    with contextlib.suppress(Unpriceable):
        assert measure_here(bytes(data), ModelKind(kind)).volume_mm3 > 0


def _whole_files() -> list[tuple[str, bytes]]:
    ball = creation.icosphere(subdivisions=1, radius=4)
    exports = [
        (kind, ball.export(file_type=file_type))
        for kind, file_type in [
            ("stl", "stl"),
            ("stl", "stl_ascii"),
            ("obj", "obj"),
            ("ply", "ply"),
            ("glb", "glb"),
        ]
    ]
    whole = [(kind, data.encode() if isinstance(data, str) else data) for kind, data in exports]
    return [*whole, ("3mf", package_3mf(model_3mf(ball)))]


_WHOLE = _whole_files()
