"""Is a PLY file read as its header declares it, and refused where it holds something else?"""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from trimesh import creation

from events.model_kinds import ModelKind, sniff
from mes.geometry.answers import Unpriceable
from mes.geometry.measuring import measure_here
from mes.geometry.ply import read_ply
from tests.mes.geometry.written import Floats, Ints, meshes, volume_of
from tests.mes.geometry.written_ply import PLY_WAYS, Element, ply, points, polygons

BOX = creation.box((10, 10, 10))
POINTS, FACES = points(np.asarray(BOX.vertices)), polygons(BOX.faces.tolist())
ASCII = ply(POINTS, FACES, note="comment")
BINARY = ply(POINTS, FACES, order="<", note="comment")
HEADER = ASCII.partition(b"end_header\n")[0]


@pytest.mark.parametrize("way", PLY_WAYS)
@given(mesh=meshes())
@settings(max_examples=5, deadline=None)
def test_a_solid_has_the_same_volume_in_every_way_it_is_written(way: str, mesh: tuple[Floats, Ints]) -> None:
    data = PLY_WAYS[way](*mesh)

    assert sniff(io.BytesIO(data)) == ModelKind.PLY
    assert measure_here(data, ModelKind.PLY).volume_mm3 == pytest.approx(volume_of(*mesh), rel=1e-6)


@pytest.mark.parametrize("order", ["", "<", ">"])
def test_a_polygon_of_any_number_of_corners_is_a_fan(order: str) -> None:
    prism = creation.cylinder(5, 2, sections=300)
    is_lid = np.abs(prism.face_normals[:, 2]) > 0.5
    rim = np.flatnonzero(np.hypot(*prism.vertices[:, :2].T) > 1)
    around = np.argsort(np.arctan2(*prism.vertices[rim][:, [1, 0]].T), kind="stable")
    up = prism.vertices[rim[around], 2] > 0
    lids = [rim[around][up].tolist(), rim[around][~up][::-1].tolist()]
    data = ply(
        points(np.asarray(prism.vertices)),
        polygons([lids[0], *prism.faces[~is_lid].tolist(), lids[1]], "ushort"),
        order=order,
    )

    assert measure_here(data, ModelKind.PLY).volume_mm3 == pytest.approx(prism.volume)


def test_a_binary_file_with_cr_line_ends_may_begin_with_a_line_feed() -> None:
    tags = Element("tag", ["uchar letter"], [[10], [13]])
    (part,) = read_ply(ply(tags, POINTS, FACES, order="<", line_end="\r"))

    assert volume_of(part.vertices, part.faces) == pytest.approx(1000)


def test_a_header_line_that_lost_its_word_comment_is_one() -> None:
    (part,) = read_ply(ASCII.replace(b"comment\n", b"Created by hand\n", 1))

    assert volume_of(part.vertices, part.faces) == pytest.approx(1000)


@pytest.mark.parametrize("order", ["", "<", ">"])
def test_points_alone_are_no_triangles(order: str) -> None:
    for data in (ply(POINTS, order=order), ply(POINTS, polygons([]), order=order)):
        assert sum(len(part.faces) for part in read_ply(data)) == 0


def test_every_other_triangle_of_a_strip_is_turned_over() -> None:
    rows = [[[0, 1, 2, 3, 4, -1, 2, 3, 4, -1]], [[4, 5, 6, 7]]]
    strips = Element("tristrips", ["list int int vertex_indices"], [*rows])
    (part,) = read_ply(ply(points(np.zeros((8, 3))), strips))

    assert part.faces.tolist() == [[0, 1, 2], [2, 1, 3], [2, 3, 4], [2, 3, 4], [4, 5, 6], [6, 5, 7]]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(HEADER, id="ascii, in the header"),
        pytest.param(HEADER + b"end_header\n", id="ascii, behind the header"),
        pytest.param(b"\n".join(ASCII.split(b"\n")[:-5]), id="ascii, behind a face"),
        pytest.param(ASCII[:-4], id="ascii, in the last face"),
        pytest.param(
            HEADER.replace(b"face 12", b"face 24") + b"end_header" + ASCII.partition(b"end_header")[2],
            id="ascii, count",
        ),
        pytest.param(BINARY[:-1], id="binary, in the last face"),
        pytest.param(BINARY[:-13], id="binary, behind a face"),
        pytest.param(BINARY.replace(b"face 12", b"face 24"), id="binary, count"),
        pytest.param(BINARY.replace(b"face 12", b"face 2000000"), id="binary, large count"),
        pytest.param(BINARY.replace(b"vertex 8", b"vertex 99999999999"), id="binary, count of points"),
        pytest.param(BINARY[: BINARY.index(b"end_header") + 60], id="binary, in the points"),
        pytest.param(
            ply(POINTS, polygons([[0, 1, 2], [0, 1, 2, 3]]), order=">")[:-3], id="binary, in a polygon"
        ),
    ],
)
def test_a_file_that_holds_less_than_it_declares_is_refused(data: bytes) -> None:
    with pytest.raises(Unpriceable, match="PLY file is cut short"):
        read_ply(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(ASCII + b"3 0 1 2\n", id="ascii, a face"),
        pytest.param(ASCII.replace(b"face 12", b"face 11"), id="ascii, count"),
        pytest.param(BINARY + b"\3" + bytes(12), id="binary, a face"),
        pytest.param(BINARY.replace(b"face 12", b"face 6"), id="binary, count"),
        pytest.param(BINARY + BINARY, id="binary, a second file"),
    ],
)
def test_a_file_that_holds_more_than_it_declares_is_refused(data: bytes) -> None:
    with pytest.raises(Unpriceable, match="more than it declares"):
        read_ply(data)


@pytest.mark.parametrize("order", ["", "<", ">"])
@pytest.mark.parametrize("corner", [8, -1, 2**31 - 1])
def test_a_face_of_points_that_are_not_there_is_refused(order: str, corner: int) -> None:
    for faces in ([[0, 1, corner]], [[0, 1, 2], [0, 1, 2, corner]]):
        with pytest.raises(Unpriceable, match="points that are not there"):
            read_ply(ply(POINTS, polygons(faces), order=order))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"format ascii 1.0", b"format ascii 2.0", "line that we can't read: 'format ascii 2.0'"),
        (b"format ascii 1.0", b"format binary_middle_endian 1.0", "line that we can't read"),
        (b"format ascii 1.0", b"", "damaged|cut short"),
        (b"element face 12", b"element face twelve", "line that we can't read"),
        (b"element face 12", b"element face -12", "line that we can't read"),
        (b"element face 12", b"element vertex 12", "line that we can't read"),
        (b"element face 12", b"element face 2000001", "more than 2,000,000 triangles"),
        (b"property double y", b"property double x", "damaged"),
        (b"property double y", b"property double v", "damaged"),
        (b"property double y", b"property real y", "line that we can't read: 'property real y'"),
        (b"vertex_indices", b"corners", "damaged"),
        (b"list uchar int", b"list uchar", "line that we can't read"),
        (b"end_header\n-5 ", b"end_header\n-5,5 ", "'-5,5' where a number is due"),
        (b"\n3 ", b"\n3.5 ", "damaged"),
        (b"\n3 ", b"\n-3 ", "damaged|cut short"),
        (b"\n3 1 3 0", b"\n3 1 3.5 0", "damaged"),
        (b"\n3 1 3 0", b"\n3 1 nan 0", "damaged"),
        (b"\n3 1 3 0", b"\n3 1 1e300 0", "damaged"),
    ],
)
def test_a_file_that_does_not_keep_to_the_format_is_refused(old: bytes, new: bytes, reason: str) -> None:
    assert old in ASCII

    with pytest.raises(Unpriceable, match=reason):
        read_ply(ASCII.replace(old, new, 1))


def test_faces_beside_strips_are_refused_for_they_may_be_the_same_surface() -> None:
    strips = Element("tristrips", ["list int int vertex_indices"], [[[0, 1, 2, 3]]])
    with pytest.raises(Unpriceable, match="faces beside triangle strips"):
        read_ply(ply(POINTS, FACES, strips))


def test_a_point_that_is_no_number_is_refused_where_a_face_uses_it() -> None:
    vertices = np.concatenate([BOX.vertices, [[np.nan] * 3]])
    assert measure_here(ply(points(vertices), FACES), ModelKind.PLY).volume_mm3 == pytest.approx(1000)

    vertices[3, 1] = np.inf
    with pytest.raises(Unpriceable, match="not numbers"):
        measure_here(ply(points(vertices), FACES), ModelKind.PLY)
