"""Is every facet of an STL file read, however its program wrote it, and none made up?"""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from trimesh import creation

from events.model_kinds import ModelKind, sniff
from mes.geometry.answers import Unpriceable
from mes.geometry.measuring import measure_here
from mes.geometry.stl import read_stl
from tests.mes.geometry.written import STL_WAYS, Floats, Ints, meshes, stl, stl_ascii, volume_of


def cube(edge: float = 10, x: float = 0) -> tuple[Floats, Ints]:
    box = creation.box((edge,) * 3)
    return np.asarray(box.vertices) + np.array([x, 0, 0]), np.asarray(box.faces, dtype=np.int64)


def two_cubes() -> tuple[Floats, Ints]:
    one, other = cube(), cube(5, x=30)
    return np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1] + len(one[0])])


ASCII = stl_ascii(*cube())


@pytest.mark.parametrize("way", STL_WAYS)
@given(mesh=meshes())
@settings(max_examples=5, deadline=None)
def test_a_solid_has_the_same_volume_in_every_way_it_is_written(way: str, mesh: tuple[Floats, Ints]) -> None:
    data = STL_WAYS[way](*mesh)

    assert sniff(io.BytesIO(data)) == ModelKind.STL
    assert measure_here(data, ModelKind.STL).volume_mm3 == pytest.approx(volume_of(*mesh), rel=1e-4)


def test_points_of_a_binary_file_are_read_as_they_stand() -> None:
    (part,) = read_stl(stl(*cube(), normal=[5, 5, 5]))

    vertices, faces = cube()
    assert (part.vertices[part.faces] == vertices[faces]).all()


def test_each_solid_of_an_ascii_file_is_a_part() -> None:
    parts = read_stl(ASCII + stl_ascii(*cube(5, x=30), name="endsolid solid b"))

    assert [len(part.faces) for part in parts] == [12, 12]
    assert sum(volume_of(part.vertices, part.faces) for part in parts) == pytest.approx(1125)


@pytest.mark.parametrize(
    "data", [bytes(84), b"solid Empty\nendsolid Empty\n", b"solid facet\n\nendsolid facet\n"]
)
def test_a_file_without_facets_has_no_part_with_any(data: bytes) -> None:
    assert not sum(len(part.faces) for part in read_stl(data))


def test_a_count_that_stops_between_two_bodies_loses_neither() -> None:
    assert measure_here(stl(*two_cubes(), count=12), ModelKind.STL).volume_mm3 == pytest.approx(1125)


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(stl(*cube(5, x=30)), id="a second binary file"),
        pytest.param(b"\n" + stl_ascii(*cube(5, x=30)), id="an ascii file"),
        pytest.param(stl(*cube(5, x=30))[84:] + b"\0", id="more facets and a byte"),
    ],
)
def test_a_model_behind_the_facets_is_refused_and_not_lost(behind: bytes) -> None:
    data = stl(*cube(), behind=behind)

    assert sniff(io.BytesIO(data)) == ModelKind.STL
    with pytest.raises(Unpriceable, match="more than it declares"):
        read_stl(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(ASCII.replace(b"endsolid ring\n", b""), id="no end"),
        pytest.param(ASCII + stl_ascii(*cube(5, x=30), end=""), id="no end of the last solid"),
        pytest.param(ASCII[:-20], id="between the words of the last facet"),
        pytest.param(ASCII[: len(ASCII) // 2], id="in the middle"),
        pytest.param(b"solid ring\n  facet normal 0 0 1\n    outer loop\n", id="in the first facet"),
        pytest.param(b"solid ring\nfacet normal 0 0", id="in the first line"),
        pytest.param(
            ASCII + b"solid b\nfacet normal 0 0 1\nouter", id="in the first facet of the last solid"
        ),
    ],
)
def test_an_ascii_file_that_is_cut_short_is_refused(data: bytes) -> None:
    with pytest.raises(Unpriceable, match="STL file is cut short"):
        read_stl(data)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"vertex 5 5 5", b"vertex 5,0 5,0 5,0", r"'5,0' where a number is due"),
        (b"vertex 5 5 5", b"vertex 5 5 5_0", r"'5_0' where"),
        (b"vertex 5 5 5", b"vertex 5 5 0x5", r"'0x5' where"),
        (b"vertex 5 5 5", b"vertex 5 5 5-5", r"'5-5' where"),
        (b"vertex 5 5 5", b"vertex 5 5", "facet 5 is not three corners"),
        (b"vertex 5 5 5", b"vertex 5 5 5 5", "facet 5 is not three corners"),
        (b"vertex 5 5 5", b"", "facet 5 is not three corners"),
        (b"vertex 5 5 5", b"vertex 5 5 5 vertex 6 6 6", "facet 5 is not three corners"),
        (b"vertex 5 5 5", b"vertax 5 5 5", "facet 5 is not three corners"),
        (b"facet normal 0 0 1", b"facet", "damaged"),
        (b"outer loop", b"", "damaged"),
        (b"endsolid ring", b"endsolid ring\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0", "damaged"),
        (b"endsolid ring\n", b"endsolid ring\n" + ASCII.partition(b"\n")[2], "damaged"),
        (b"solid ring\n", b"solid ring vertex 0 0 0 vertex 1 0 0 vertex 0 1 0 endloop endfacet\n", "damaged"),
    ],
)
def test_an_ascii_file_where_a_facet_would_be_lost_or_made_up_is_refused(
    old: bytes, new: bytes, reason: str
) -> None:
    data = ASCII.replace(old, new, 1)
    assert data != ASCII

    with pytest.raises(Unpriceable, match=reason):
        read_stl(data)


@pytest.mark.parametrize("number", [b"nan", b"inf", b"-nan(ind)", b"1.#INF", b"1e999"])
def test_a_coordinate_that_is_no_number_is_refused(number: bytes) -> None:
    with pytest.raises(Unpriceable, match="not numbers"):
        measure_here(ASCII.replace(b"vertex 5 5 5", b"vertex 5 5 " + number), ModelKind.STL)


def test_a_file_of_more_facets_than_we_measure_is_refused_before_they_are_copied() -> None:
    facets = np.zeros(2_000_001 * 50, np.uint8).tobytes()
    with pytest.raises(Unpriceable, match="more than 2,000,000 triangles"):
        read_stl(bytes(80) + np.uint32(2_000_001).tobytes() + facets)
    with pytest.raises(Unpriceable, match="more than 2,000 parts"):
        read_stl(stl_ascii(cube()[0], cube()[1][:1]) * 2001)
