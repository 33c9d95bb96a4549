"""Is every face of an OBJ file read as Wavefront's manual says, and what is no mesh refused?"""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from trimesh import creation

from events.model_kinds import ModelKind, sniff
from mes.geometry.answers import Unpriceable
from mes.geometry.measuring import measure_here
from mes.geometry.obj import read_obj
from tests.mes.geometry.written import OBJ_WAYS, Floats, Ints, meshes, obj, volume_of

BOX = creation.box((10, 10, 10))
VERTICES, FACES = np.asarray(BOX.vertices), np.asarray(BOX.faces, dtype=np.int64)
CUBE = obj(VERTICES, FACES)
POINTS = obj(VERTICES, FACES[:0])


def sizes(text: str) -> list[int]:
    return [len(part.faces) for part in read_obj(text.encode())]


@pytest.mark.parametrize("way", OBJ_WAYS)
@given(mesh=meshes())
@settings(max_examples=5, deadline=None)
def test_a_solid_has_the_same_volume_in_every_way_it_is_written(way: str, mesh: tuple[Floats, Ints]) -> None:
    data = OBJ_WAYS[way](*mesh)

    assert sniff(io.BytesIO(data)) == ModelKind.OBJ
    assert measure_here(data, ModelKind.OBJ).volume_mm3 == pytest.approx(volume_of(*mesh), rel=1e-6)


def test_numbers_count_back_from_where_the_face_stands() -> None:
    text = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf -3 -2 -1\nv 0 0 1\nf -4 -3 -1\nf 1 2 -1\nv 9 9 9\nf -2 2 3\n"
    (part,) = read_obj(text.encode())

    assert part.faces.tolist() == [[0, 1, 2], [0, 1, 3], [0, 1, 3], [3, 1, 2]]


def test_a_polygon_is_a_fan_and_what_has_fewer_than_three_corners_is_no_surface() -> None:
    (part,) = read_obj(f"{POINTS}f 1 2 3 4 5\nf 1 2\nf 6\nf 1 2 3\n".encode())

    assert sorted(part.faces.tolist()) == [[0, 1, 2], [0, 1, 2], [0, 2, 3], [0, 3, 4]]


def test_each_object_and_group_is_a_part_and_a_name_that_comes_again_goes_on() -> None:
    face = "f 1 2 3\n"
    assert sizes(f"{POINTS}{face}{face}") == [2]
    assert sizes(f"{POINTS}o a\n{face}o b\n{face}{face}") == [1, 2]
    assert sizes(f"{POINTS}g\n{face}g a left\n{face}g b left\n{face}g a left\n{face}{face}") == [1, 3, 1]
    assert sizes(f"{POINTS}o a\ng x\n{face}o b\ng x\n{face}") == [1, 1]
    assert sizes(f"{POINTS}usemtl a\n{face}usemtl b\n{face}") == [2]


def test_a_part_has_its_own_points_only() -> None:
    near = read_obj(f"{CUBE}o far\nv 900 0 0\nv 901 0 0\nv 900 1 0\nf -3 -2 -1\n".encode())

    assert [len(part.vertices) for part in near] == [8, 3]
    assert [volume_of(part.vertices, part.faces) for part in near] == pytest.approx([1000, 0])


def test_more_groups_than_we_take_as_parts_are_not_told_apart() -> None:
    faces = CUBE.removeprefix(POINTS).splitlines()
    grouped = POINTS + "".join(f"g {n}\n{faces[n % 12]}\n" for n in range(2004))

    assert sizes(grouped) == [2004]
    with pytest.raises(Unpriceable, match="more than 2,000 parts"):
        read_obj(grouped.replace("g ", "o ").encode())


def test_points_without_a_face_are_no_triangles() -> None:
    assert sizes(POINTS) == [0]
    assert sizes(f"{POINTS}l 1 2 3\np 1\n") == [0]
    assert sizes("") == sizes("# nothing\n") == [0]


@pytest.mark.parametrize("corner", ["0", "9", "-9", "99999999999999999999"])
def test_a_face_of_points_that_are_not_there_is_refused(corner: str) -> None:
    with pytest.raises(Unpriceable, match="points that are not there"):
        read_obj(f"{CUBE}f 1 2 {corner}\n".encode())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("v 1,5 2,5 3,5", "'1,5' where a number is due"),
        ("v 1 2", "line that we can't read: 'v 1 2'"),
        ("v 1 2 3 4 5", "line that we can't read"),
        ("v", "line that we can't read"),
        ("v 1 2 3_0", "'3_0' where"),
        ("v 1 2 3-4", "'3-4' where"),
        ("f 1 2 3 \\", "cut short"),
        ("f 1 2 three", "'three' where"),
        ("f 1 2 3.0", "'3.0' where"),
        ("f 1 2 - 3", "'-' where"),
        ("f 1 2 2-3", "'2-3' where"),
        ("f 1 2 /3", "'/3' where"),
        ("f 1/1/1/1 2/2/2/2 3/3/3/3", "where a number is due"),
        ("f 1/a 2/b 3/c", "where a number is due"),
        ("F 1 2 3", "line that we can't read: 'F 1 2 3'"),
        ("1 2 3", "line that we can't read"),
        ("g C:\\rings\\\nf 1 2 3", "line that we can't read: 'g C:"),
        ("surf 0 1 0 1 1 2 3 4", "uses surf, which we can't read"),
        ("curv 0 1 1 2", "uses curv,"),
        ("cstype bspline", "uses cstype,"),
        ("bzp 1 2 3 4", "uses bzp,"),
        ("lod 2", "uses lod,"),
        ("call part.obj", "uses call,"),
        ("csh -rm", "uses csh,"),
    ],
)
def test_a_line_that_can_not_be_read_is_refused(line: str, reason: str) -> None:
    with pytest.raises(Unpriceable, match=reason):
        read_obj(f"{CUBE}{line}\n".encode())


@pytest.mark.parametrize("number", ["nan", "inf", "1e999"])
def test_a_point_that_is_no_number_is_refused_where_a_face_uses_it(number: str) -> None:
    spare = f"{CUBE}v 0 0 {number}\n"
    assert measure_here(spare.encode(), ModelKind.OBJ).volume_mm3 == pytest.approx(1000)

    with pytest.raises(Unpriceable, match="not numbers"):
        measure_here(f"{spare}f 1 2 9\n".encode(), ModelKind.OBJ)


def test_more_triangles_than_we_measure_are_refused() -> None:
    with pytest.raises(Unpriceable, match="more than 2,000,000 triangles"):
        read_obj((POINTS + f"f {'1 ' * 2_000_003}\n").encode())
