"""Are the files of a 3MF package found as OPC says?"""

import io

import pytest

from config.demo_models import package_3mf
from events.model_files import ModelKind
from events.model_kinds import FileTypeUnsupported, ModelUnreadable, sniff
from mes.geometry.answers import Unpriceable
from mes.geometry.measuring import measure_here
from mes.geometry.threemf import read_3mf
from tests.mes.geometry.written_3mf import cube, model, relationships, volume, zipped

_NEW, _OLD = model(cube(1)), model(cube(1, 5))
_ITEM = '<item objectid="1" p:path="{}"/>'


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([("backup/3D/3dmodel.model", _OLD), ("3D/3dmodel.model", _NEW)], id="a copy before it"),
        pytest.param([("3D/3dmodel.model", _OLD), ("3D/part.model", _NEW)], id="another name"),
        pytest.param([("3D/3dmodel.custom", _NEW)], id="another ending"),
        pytest.param([("geometry", _NEW)], id="no ending"),
    ],
)
def test_the_start_part_is_the_one_that_the_relationships_name(entries: list[tuple[str, str]]) -> None:
    data = zipped(*entries, ("_rels/.rels", relationships("/" + entries[-1][0])))

    assert sniff(io.BytesIO(data)) == ModelKind.THREEMF
    assert volume(read_3mf(data)) == 1000


@pytest.mark.parametrize(
    ("entry", "target"),
    [
        ("3D/Part.model", "/3d/pART.MODEL"),
        ("3D/Part.model", "3D/Part.model"),
        ("3D/Part.model", "./3D/../3D/Part.model"),
        ("/3D/Part.model", "/3D/Part.model"),
        ("3D\\Part.model", "/3D/Part.model"),
        ("3D/my part.model", "/3D/my%20part.model"),
        ("3D/my%20part.model", "/3D/my part.model"),
        ("3D/%4Dy.model", "/3D/my.model"),
        ("3D/кольцо.model", "/3D/%D0%BA%D0%BE%D0%BB%D1%8C%D1%86%D0%BE.model"),
    ],
)
def test_names_are_equal_as_opc_compares_them(entry: str, target: str) -> None:
    links = ("_RELS/.rels", relationships(target))
    assert volume(read_3mf(zipped((entry, _NEW), links))) == 1000

    start = model("", _ITEM.format(target))
    if target.startswith("/"):
        assert (
            volume(
                read_3mf(
                    zipped(("a.model", start), (entry, _NEW), ("_rels/.rels", relationships("/a.model")))
                )
            )
            == 1000
        )


def test_letters_beyond_ascii_differ_in_case() -> None:
    data = zipped(("3D/Ж.model", _NEW), ("_rels/.rels", relationships("/3D/ж.model")))
    with pytest.raises(KeyError):
        read_3mf(data)


def test_two_files_of_one_name_are_refused_where_one_of_them_is_asked_for() -> None:
    links = ("_rels/.rels", relationships("/3D/a.model"))
    with pytest.raises(Unpriceable, match="two files named '3D/a"):
        read_3mf(zipped(links, ("3D/a.model", _NEW), ("3D/A.model", _OLD)))
    assert volume(read_3mf(zipped(links, ("3D/a.model", _NEW), ("x.png", b"1"), ("X.png", b"2")))) == 1000


def test_without_relationships_the_usual_name_is_read_if_there_is_one() -> None:
    assert volume(read_3mf(package_3mf(_NEW))) == 1000
    assert volume(read_3mf(zipped(("ring/3D/3dmodel.model", _NEW)))) == 1000
    for entries in ([("a/3D/3dmodel.model", _NEW), ("3D/3dmodel.model", _OLD)], [("3D/part.model", _NEW)]):
        with pytest.raises(Unpriceable, match="doesn't say which"):
            read_3mf(zipped(*entries))


@pytest.mark.parametrize(
    ("links", "reason"),
    [
        (relationships(), "doesn't say which"),
        (relationships("/3D/a.model", "/3D/b.model"), "doesn't say which"),
        (relationships("/3D/c.model"), "damaged"),
        (relationships("/3D/a.model", more='TargetMode="External"'), "damaged"),
        (relationships("/3D/a.model")[:-5], "damaged"),
        ("<!DOCTYPE m><a/>", "document type"),
        (" " * 2**20 + relationships("/3D/a.model"), "damaged"),
    ],
)
def test_relationships_that_name_no_start_part_are_refused(links: str, reason: str) -> None:
    data = zipped(("3D/a.model", _NEW), ("3D/b.model", _OLD), ("_rels/.rels", links))
    with pytest.raises(Unpriceable, match=reason):
        measure_here(data, ModelKind.THREEMF)


def test_the_same_start_part_named_twice_is_one() -> None:
    data = zipped(("3D/a.model", _NEW), ("_rels/.rels", relationships("/3D/a.model", "/3D/A.model")))
    assert volume(read_3mf(data)) == 1000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_zip_is_a_3mf_when_its_relationships_say_so(encoding: str) -> None:
    links = relationships("/geometry").replace("UTF-8", encoding).encode(encoding)
    assert sniff(io.BytesIO(zipped(("geometry", _NEW), ("_rels/.rels", links)))) == ModelKind.THREEMF

    office = links.decode(encoding).replace("3dmodel", "officeDocument").encode(encoding)
    with pytest.raises(FileTypeUnsupported):
        sniff(io.BytesIO(zipped(("word/document.xml", "<a/>"), ("_rels/.rels", office))))


def test_relationships_are_not_unpacked_from_what_unpacks_to_too_much() -> None:
    with pytest.raises(ModelUnreadable, match="unpacks to far more"):
        sniff(io.BytesIO(zipped(("_rels/.rels", b" " * 10**7))))
