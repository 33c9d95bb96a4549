"""Is a slicer's project measured without what only tells the slicer what to do?"""

from typing import Any

import pytest

from mes.geometry.answers import Unpriceable
from mes.geometry.threemf import read_3mf
from tests.mes.geometry.written_3mf import assembly, cube, cubes_mesh, model, package, volume

_CURA = "http://software.ultimaker.com/xml/cura/3mf/2015/10"
_SLIC3R = "http://schemas.slic3r.org/3mf/2017/06"
_PRUSA_CONFIG = "Metadata/Slic3r_PE_model.config"
_BAMBU_CONFIG = "Metadata/model_settings.config"
_TWO_CUBES = f'<object id="1">{cubes_mesh(10, 5)}</object>'


def read(start: str, **others: str) -> Any:
    return read_3mf(package(start, **others))


# -- PrusaSlicer ------------------------------------------------------------------------------------------


def prusa_config(*volumes: tuple[int, int, str], number: int = 1) -> str:
    """First and last triangle of each volume, and what it is."""
    entries = "".join(
        f'<volume firstid="{first}" lastid="{last}"><metadata type="volume" key="name" value="ModelPart"/>'
        f"{kind}</volume>"
        for first, last, kind in volumes
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><config><object id="{number}" instances_count="1">'
        f'<metadata type="object" key="name" value="x"/>{entries}</object></config>'
    )


def kind(word: str, key: str = "volume_type") -> str:
    return f'<metadata type="volume" key="{key}" value="{word}"/>'


def read_prusa(*volumes: tuple[int, int, str], start: str = model(_TWO_CUBES), number: int = 1) -> Any:
    return read(start, **{_PRUSA_CONFIG: prusa_config(*volumes, number=number)})


@pytest.mark.parametrize(
    "setting",
    [
        kind("ParameterModifier"),
        kind("SupportBlocker"),
        kind("SupportEnforcer"),
        kind("1", "modifier"),
        kind("1", "modifier") + kind("ParameterModifier"),
        kind("1"),
    ],
)
def test_volumes_of_prusaslicer_that_are_settings_are_taken_away(setting: str) -> None:
    part = kind("ModelPart")
    for volumes, right in (
        (((0, 11, part), (12, 23, setting)), 1000),
        (((0, 11, setting), (12, 23, part)), 125),
        (((12, 23, setting), (0, 11, part)), 1000),
        (((0, 11, part), (12, 23, part)), 1125),
    ):
        assert volume(read_prusa(*volumes)) == right


def test_a_volume_that_says_nothing_is_a_part_and_so_is_what_a_later_word_says() -> None:
    later = kind("1", "modifier") + kind("ModelPart")

    assert volume(read_prusa((0, 11, ""), (12, 23, later))) == 1125


@pytest.mark.parametrize("word", ["NegativeVolume", "FutureVolume"])
def test_a_negative_volume_is_refused_and_so_is_a_word_that_we_dont_know(word: str) -> None:
    volumes = (0, 11, kind("ModelPart")), (12, 23, kind(word))
    with pytest.raises(Unpriceable, match=f"part of kind '{word}'.*Export the model from there as STL"):
        read_prusa(*volumes)

    # It is of no concern where its object is not built.
    start = model(_TWO_CUBES + cube(2), '<item objectid="2"/><item objectid="1" printable="0"/>')
    assert volume(read_prusa(*volumes, start=start)) == 1000


def test_an_object_that_is_built_through_components_keeps_its_volumes() -> None:
    start = model(_TWO_CUBES + assembly(2, "1", "1"), '<item objectid="2"/>')

    assert volume(read_prusa((0, 11, kind("ModelPart")), (12, 23, kind("1")), start=start)) == 2000


@pytest.mark.parametrize(
    "ranges", [[(0, 11), (12, 24)], [(0, 12), (12, 23)], [(0, 11)], [(0, 10), (12, 23)], [(0, 11), (23, 12)]]
)
def test_volumes_that_do_not_fit_the_mesh_are_refused(ranges: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="volumes do not"):
        read_prusa(*((first, last, kind("1")) for first, last in ranges))


def test_volumes_of_objects_that_are_not_there_are_of_no_concern() -> None:
    assert volume(read_prusa((0, 99, kind("NegativeVolume")), number=7)) == 1125


# -- Slic3r -----------------------------------------------------------------------------------------------


def test_modifiers_of_slic3r_are_taken_away() -> None:
    volumes = (
        '<s:volumes><s:volume ts="0" te="11" modifier="0"><s:metadata type="slic3r.extruder">1</s:metadata>'
        '</s:volume><s:volume ts="12" te="23" modifier="1"/></s:volumes></mesh>'
    )
    start = model(_TWO_CUBES.replace("</mesh>", volumes), more=f'xmlns:s="{_SLIC3R}"')

    assert volume(read(start)) == 1000


# -- Bambu Studio, OrcaSlicer -----------------------------------------------------------------------------


def bambu(
    *subtypes: str, kinds: tuple[str, str] = ("model", "model"), metadata: str = "", printable: int = 1
) -> Any:
    """A project of one object, 3, whose parts 1 and 2 are cubes of 10 and 5 mm in a file of their own."""
    path = 'p:path="/3D/Objects/object_1.model"'
    components = [
        f'<component {path} objectid="{n}" transform="1 0 0 0 1 0 0 0 1 {50 * n} 0 0"/>' for n in (1, 2)
    ]
    start = model(
        assembly(3, *components), f'<item objectid="3" printable="{printable}"/>', 'requiredextensions="p"'
    )
    objects = model(cube(1, 10, f'type="{kinds[0]}"') + cube(2, 5, f'type="{kinds[1]}"'), "")
    parts = "".join(
        f'<part id="{n}" subtype="{subtype}"><metadata key="name" value="x"/>{metadata}</part>'
        for n, subtype in enumerate(subtypes, start=1)
    )
    config = (
        f'<config><object id="3"><metadata key="name" value="ring"/>{parts}'
        '</object><plate><metadata key="plater_id" value="1"/></plate></config>'
    )
    return read(start, **{"3D/Objects/object_1.model": objects, "Metadata/model_settings.config": config})


@pytest.mark.parametrize("mesh_kind", ["model", "other"])
@pytest.mark.parametrize("subtype", ["modifier_part", "support_blocker", "support_enforcer"])
def test_parts_of_bambu_studio_that_are_settings_are_taken_away(subtype: str, mesh_kind: str) -> None:
    assert volume(bambu("normal_part", subtype, kinds=("model", mesh_kind))) == 1000
    assert volume(bambu(subtype, "normal_part", kinds=(mesh_kind, "model"))) == 125


def test_parts_of_bambu_studio_that_are_parts_are_read() -> None:
    assert volume(bambu("normal_part", "normal_part")) == 1125
    assert volume(bambu("normal_part", "")) == 1125
    assert volume(bambu()) == 1125


@pytest.mark.parametrize("mesh_kind", ["model", "other"])
def test_a_negative_part_is_refused(mesh_kind: str) -> None:
    with pytest.raises(Unpriceable, match="part of kind 'negative_part'"):
        bambu("normal_part", "negative_part", kinds=("model", mesh_kind))
    older = '<metadata key="part_type" value="negative_part"/>'
    with pytest.raises(Unpriceable, match="part of kind 'negative_part'"):
        bambu("normal_part", "normal_part", metadata=older)


def test_a_project_of_which_nothing_is_to_be_printed_is_refused() -> None:
    with pytest.raises(Unpriceable, match="Nothing in the 3MF file is to be made"):
        bambu("normal_part", "normal_part", printable=0)
    with pytest.raises(Unpriceable, match="Nothing in the 3MF file is to be made"):
        bambu("modifier_part", "support_blocker")


def test_one_mesh_may_be_a_part_here_and_a_setting_there() -> None:
    start = model(cube(1) + assembly(3, "1", "1"), '<item objectid="3"/>')
    parts = '<part id="1" subtype="normal_part"/><part id="1" subtype="modifier_part"/>'
    config = f'<config><object id="3">{parts}</object></config>'
    assert volume(read(start, **{_BAMBU_CONFIG: config})) == 1000

    # Where its place does not tell which it is, nobody guesses.
    start = model(cube(1) + assembly(2, "1") + assembly(3, "2", "2"), '<item objectid="3"/>')
    with pytest.raises(ValueError, match="several things"):
        read(start, **{_BAMBU_CONFIG: config})


# -- Cura -------------------------------------------------------------------------------------------------


def cura_setting(name: str, value: str) -> str:
    return f'<metadatagroup><metadata name="{name}" preserve="true">{value}</metadata></metadatagroup>'


def read_cura(inside: str, item: str = "") -> Any:
    build = f'<item objectid="1"/><item objectid="2">{item}</item>'
    more = f'xmlns:cura="{_CURA}" xmlns:c="{_CURA}" xmlns:x="https://acme.example/polish"'
    return read(model(cube(1) + cube(2, 5, inside=inside), build, more))


@pytest.mark.parametrize("key", ["infill_mesh", "cutting_mesh", "anti_overhang_mesh", "support_mesh"])
def test_meshes_of_cura_that_are_settings_are_taken_away(key: str) -> None:
    for name in (f"cura:{key}", f"c:{key}", key):
        assert volume(read_cura(cura_setting(name, "True"))) == 1000
        assert volume(read_cura(cura_setting(name, "False"))) == 1125
        assert volume(read_cura("", cura_setting(name, "True"))) == 1000
    older = f'<settings xmlns="{_CURA}"><setting key="{key}">True</setting></settings>'
    assert volume(read_cura(older)) == 1000


def test_other_settings_of_cura_and_settings_of_others_leave_a_mesh_what_it_is() -> None:
    assert volume(read_cura(cura_setting("cura:infill_sparse_density", "20"))) == 1125
    assert volume(read_cura(cura_setting("x:infill_mesh", "True"))) == 1125
    with pytest.raises(ValueError, match="neither true nor false"):
        read_cura(cura_setting("cura:infill_mesh", "perhaps"))


def test_a_group_of_cura_that_is_a_setting_is_one_with_all_its_meshes() -> None:
    group = assembly(3, "2").replace(
        "<components>", cura_setting("cura:infill_mesh", "True") + "<components>"
    )
    start = model(
        cube(1) + cube(2, 5) + group, '<item objectid="1"/><item objectid="3"/>', f'xmlns:cura="{_CURA}"'
    )

    assert volume(read(start)) == 1000
