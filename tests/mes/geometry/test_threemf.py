"""Is what a 3MF package builds read as its specification says, or else refused by name?"""

from typing import Any

import pytest

from events.model_files import ModelKind
from mes.geometry.answers import Unpriceable
from mes.geometry.measuring import measure_here
from mes.geometry.threemf import read_3mf
from tests.mes.geometry.written_3mf import assembly, cube, cubes_mesh, model, package, volume

_MICROSOFT = "http://schemas.microsoft.com/3dmanufacturing/"
_CONSORTIUM = "http://schemas.3mf.io/3dmanufacturing/"
_BEAMS = _MICROSOFT + "beamlattice/2017/02"
_BOOLEANS = _CONSORTIUM + "booleanoperations/2023/07"
_DISPLACEMENT = _CONSORTIUM + "displacement/2023/10"
_VOLUMETRIC = _CONSORTIUM + "volumetric/2022/01"


def read(resources: str, build: str = '<item objectid="1"/>', more: str = "", **others: str) -> Any:
    return read_3mf(package(model(resources, build, more), **others))


def refusal(resources: str, build: str = '<item objectid="1"/>', more: str = "", **others: str) -> str:
    with pytest.raises(Unpriceable) as refused:
        measure_here(package(model(resources, build, more), **others), ModelKind.THREEMF)
    return refused.value.reason


# -- Build, components, transforms, units -----------------------------------------------------------------


def test_only_what_the_build_names_is_read_and_as_often_as_it_is_named() -> None:
    build = '<item objectid="1"/><item objectid="1" transform="1 0 0 0 1 0 0 0 1 50 0 0"/>'

    assert volume(read(cube(1) + cube(2, 5), build)) == 2000


def test_transforms_are_for_row_vectors_and_the_inner_ones_come_first() -> None:
    placed = '<component objectid="1" transform="0 2 0 -2 0 0 0 0 2 5 0 0"/>'
    (part,) = read(cube(1) + assembly(2, placed), '<item objectid="2" transform="1 0 0 0 1 0 0 0 3 0 7 0"/>')

    assert part.vertices.min(axis=0).tolist() == [-15, 7, 0]
    assert part.vertices.max(axis=0).tolist() == [5, 27, 60]
    assert volume([part]) == 1000 * 8 * 3


def test_a_mirrored_object_faces_outwards() -> None:
    assert volume(read(cube(1), '<item objectid="1" transform="-1 0 0 0 1 0 0 0 1 0 0 0"/>')) == 1000


@pytest.mark.parametrize(
    ("unit", "size"),
    [
        ("micron", 10_000),
        ("millimeter", 10),
        ("centimeter", 1),
        ("inch", 1 / 2.54),
        ("foot", 10 / 304.8),
        ("meter", 0.01),
    ],
)
def test_every_unit_of_the_specification_is_read(unit: str, size: float) -> None:
    assert volume(read(cube(1, size), more=f'unit="{unit}"')) == 1000


def test_no_unit_means_millimetres_and_an_unknown_one_is_refused() -> None:
    assert volume(read(cube(1))) == 1000
    assert "unit we don't know: 'parsec'" in refusal(cube(1), more='unit="parsec"')


def test_objects_may_stand_in_other_files_of_the_package_and_go_by_their_own_ids() -> None:
    component = '<component objectid="1" p:path="/3D/Objects/ring.model"/>'
    build = '<item objectid="2"/><item objectid="2" p:path="/3D/Objects/ring.model"/>'
    ring = model(cube(1, 5) + assembly(2, "1", "1"), "")

    parts = read(cube(1) + assembly(2, "1", component), build, **{"3D/Objects/ring.model": ring})
    assert volume(parts) == 1000 + 125 + 2 * 125


def test_files_of_different_units_are_refused() -> None:
    item = '<item objectid="1" p:path="/3D/a.model"/>'
    assert "different units" in refusal("", item, 'unit="inch"', **{"3D/a.model": model(cube(1), "")})


def test_only_the_start_part_may_name_objects_of_other_files() -> None:
    inner = model(assembly(1, '<component objectid="1" p:path="/3D/b.model"/>'), "")
    files = {"3D/a.model": inner, "3D/b.model": model(cube(1), "")}

    assert "damaged" in refusal("", '<item objectid="1" p:path="/3D/a.model"/>', **files)


# -- What is made and what is not -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["support", "solidsupport"])
def test_supports_are_no_part_of_what_is_ordered(kind: str) -> None:
    build = '<item objectid="1"/><item objectid="2"/><item objectid="3"/>'
    resources = cube(1) + cube(2, 5, f'type="{kind}"') + assembly(3, "1", "2")
    assert volume(read(resources, build)) == 2000
    assert "Nothing in the 3MF file is to be made" in refusal(resources, '<item objectid="2"/>')


def test_the_type_of_an_object_with_components_is_theirs() -> None:
    assert volume(read(cube(1) + assembly(2, "1", more='type="support"'), '<item objectid="2"/>')) == 1000


@pytest.mark.parametrize("kind", ["other", "surface"])
def test_an_object_that_is_no_solid_is_refused_where_it_is_placed(kind: str) -> None:
    resources = cube(1) + cube(2, 5, f'type="{kind}"') + assembly(3, "1", "2")
    assert volume(read(resources)) == 1000
    for build in ('<item objectid="1"/><item objectid="2"/>', '<item objectid="3"/>'):
        assert f"object of type {kind}" in refusal(resources, build)


def test_an_item_that_is_not_to_be_printed_is_left_out() -> None:
    build = '<item objectid="1" printable="1"/><item objectid="2" printable="0"/>'
    assert volume(read(cube(1) + cube(2, 5), build)) == 1000
    assert "marked as not to be printed" in refusal(cube(1), '<item objectid="1" printable="0"/>')
    assert "damaged" in refusal(cube(1), '<item objectid="1" printable="perhaps"/>')


# -- Extensions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["material/2015/02", "production/2015/06", "slice/2015/07", "trianglesets/2021/07"]
)
def test_an_extension_that_leaves_the_mesh_as_it_is_may_be_required(name: str) -> None:
    more = f'xmlns:q="{_MICROSOFT}{name}" requiredextensions=" q  p"'
    assert volume(read(cube(1), more=more)) == 1000


@pytest.mark.parametrize(
    "namespace",
    [
        # A draft that moves the triangles of the mesh itself.
        _MICROSOFT + "displacement/2018/05",
        _MICROSOFT + "securecontent/2019/04",
        _MICROSOFT + "beamlattice/2099/01",
        _CONSORTIUM + "implicit/2023/12",
        _VOLUMETRIC,
        "https://acme.example/polish",
    ],
)
def test_any_other_required_extension_is_refused_by_name_whatever_its_prefix(namespace: str) -> None:
    name = namespace.removeprefix(_MICROSOFT).removeprefix(_CONSORTIUM)
    assert f"extension {name}, which" in refusal(
        cube(1), more=f'xmlns:m="{namespace}" requiredextensions="m"'
    )
    assert volume(read(cube(1), more=f'xmlns:m="{namespace}" recommendedextensions="m"')) == 1000


def test_a_required_extension_without_a_namespace_is_refused() -> None:
    assert "extension xyz" in refusal(cube(1), more='requiredextensions="xyz"')


def test_a_file_is_asked_what_it_requires_only_where_it_is_used() -> None:
    fields = f'xmlns:v="{_VOLUMETRIC}" requiredextensions="v"'
    files = {"3D/a.model": model(cube(1), "", fields)}
    assert volume(read(cube(1), **files)) == 1000
    assert "volumetric" in refusal("", '<item objectid="1" p:path="/3D/a.model"/>', **files)


@pytest.mark.parametrize(
    ("namespace", "shape"),
    [
        (_BEAMS, "<beamlattice radius='1'><beams><beam v1='0' v2='7'/></beams></beamlattice>"),
        (_BOOLEANS, "<booleanshape objectid='2' operation='difference'/>"),
        (_DISPLACEMENT, "<displacementmesh/>"),
        (_MICROSOFT + "displacement/2022/07", "<displacementmesh/>"),
        (_VOLUMETRIC, "<levelset functionid='5'/>"),
    ],
)
def test_another_shape_than_the_mesh_is_refused_even_where_it_is_not_required(
    namespace: str, shape: str
) -> None:
    shape = shape.replace("<", "<q:").replace("<q:/", "</q:")
    within = cubes_mesh(10).replace("</mesh>", f"{shape}</mesh>")
    name = namespace.removeprefix(_MICROSOFT).removeprefix(_CONSORTIUM)
    for text in (f'<object id="1">{within}</object>', f'<object id="1">{shape}</object>'):
        assert f"extension {name}" in refusal(text, more=f'xmlns:q="{namespace}"')
        assert volume(read(text + cube(2), '<item objectid="2"/>', f'xmlns:q="{namespace}"')) == 1000


@pytest.mark.parametrize(
    ("namespace", "shape"),
    [
        (_BEAMS, "<q:beamlattice radius='1'><q:beams><q:beam v1='0' v2='7'/></q:beams></q:beamlattice>"),
        (_BOOLEANS, "<q:booleanshape objectid='2' operation='difference'/>"),
        (_DISPLACEMENT, "<q:displacementmesh/>"),
    ],
)
def test_an_extension_of_shapes_may_be_required_as_long_as_none_of_them_is_built(
    namespace: str, shape: str
) -> None:
    more = f'xmlns:q="{namespace}" requiredextensions="q"'
    name = namespace.removeprefix(_MICROSOFT).removeprefix(_CONSORTIUM)
    shaped = f'<object id="1">{cubes_mesh(10).replace("</mesh>", f"{shape}</mesh>")}</object>'
    # What stands beside objects, such as images to displace by, is not theirs.
    resources = shaped + cube(2) + '<q:displacement2d id="9"/>' + assembly(3, "2") + assembly(4, "1", "2")

    for plain in ("2", "3"):
        assert volume(read(resources, f'<item objectid="{plain}"/>', more)) == 1000
    for built in ("1", "4"):
        assert f"extension {name}" in refusal(resources, f'<item objectid="{built}"/>', more)
    assert f"extension {name}" in refusal(f'<object id="1">{shape}</object>', more=more)


def test_balls_may_be_required_and_stand_in_a_lattice() -> None:
    balls = _MICROSOFT + "beamlattice/balls/2020/07"
    more = f'xmlns:b="{_BEAMS}" xmlns:q="{balls}" requiredextensions="b q"'
    assert volume(read(cube(1), more=more)) == 1000

    lattice = "<b:beamlattice radius='1'><q:balls><q:ball vindex='0'/></q:balls></b:beamlattice></mesh>"
    shaped = f'<object id="1">{cubes_mesh(10).replace("</mesh>", lattice)}</object>'
    assert "extension beamlattice" in refusal(shaped, more=more)


def test_a_mesh_may_be_used_instead_of_its_slices_whose_vertices_are_others() -> None:
    slices = (
        '<s:slicestack id="7"><s:slice ztop="1"><s:vertices><s:vertex x="0" y="0"/></s:vertices></s:slice>'
        "</s:slicestack>"
    )
    slices += cube(1, more='s:slicestackid="7" s:meshresolution="lowres"')
    assert volume(read(slices, more=f'xmlns:s="{_MICROSOFT}slice/2015/07"')) == 1000


def test_what_stands_within_an_unknown_element_is_not_the_model() -> None:
    hidden = f'<q:backup>{cube(1, 5)}<q:backup/></q:backup>{cube(1)}<q:x><item objectid="1"/></q:x>'
    assert volume(read(hidden, more='xmlns:q="https://acme.example/polish"')) == 1000


def test_an_object_that_says_it_is_a_rough_stand_in_is_refused() -> None:
    more = f'xmlns:a="{_MICROSOFT}production/alternatives/2021/04"'
    for resolution in ("lowres", "obfuscated"):
        stand_in = cube(1, more=f'a:modelresolution="{resolution}"')
        assert "production/alternatives" in refusal(stand_in, more=more)
    assert volume(read(cube(1, more='a:modelresolution="fullres"'), more=more)) == 1000
