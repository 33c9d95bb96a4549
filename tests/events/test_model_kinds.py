"""Are files told apart by their bytes alone, and broken ones refused with the right code?"""

import contextlib
import io
import struct
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trimesh import creation

from config.demo_models import demo_models, model_3mf, package_3mf
from events.model_files import FileTypeUnsupported, ModelKind, ModelUnreadable, sniff

CUBE = creation.box((1, 1, 1))
STL = CUBE.export(file_type="stl")
GLB = CUBE.export(file_type="glb")
OBJ = b"# made by hand\nmtllib x.mtl\no cube\nv 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"


class Counted(io.BytesIO):
    """A file that counts how many bytes were read of it."""

    given = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.given += len(data)
        return data


def kind(data: bytes) -> ModelKind:
    return sniff(io.BytesIO(data))


def counted(stl: bytes, facets: int) -> bytes:
    """A binary STL that says it has so many facets."""
    return stl[:80] + struct.pack("<I", facets) + stl[84:]


def zipped(*names: str, compression: int = zipfile.ZIP_DEFLATED, content: bytes = b"<model/>") -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", compression) as package:
        for name in names:
            package.writestr(name, content)
    return archive.getvalue()


@pytest.mark.parametrize(("name", "data"), demo_models())
def test_every_model_of_the_demo_is_what_its_name_says(name: str, data: bytes) -> None:
    assert kind(data) == name.rpartition(".")[2]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(b"solid" + STL[5:], ModelKind.STL, id="binary STL whose header says solid"),
        pytest.param(bytes(84), ModelKind.STL, id="binary STL without a facet"),
        pytest.param(STL + b"\0", ModelKind.STL, id="binary STL with more behind it"),
        pytest.param(b"solid" + STL[5:] + b"end", ModelKind.STL, id="binary STL that says solid, with more"),
        pytest.param(counted(STL, 0), ModelKind.STL, id="binary STL that says it has no facet"),
        pytest.param(counted(STL, 2**32 - 1), ModelKind.STL, id="binary STL whose count was never written"),
        pytest.param(counted(STL, 9), ModelKind.STL, id="binary STL of more facets than it says"),
        pytest.param(
            b"solid a facet\rfacet normal 0 0 1\r outer loop\r",
            ModelKind.STL,
            id="ascii STL with CR line ends",
        ),
        pytest.param(b"solid v facet normal 0 0 1 outer loop", ModelKind.STL, id="ascii STL of one line"),
        pytest.param(CUBE.export(file_type="stl_ascii").encode(), ModelKind.STL, id="ascii STL"),
        pytest.param(b"solid Empty\nendsolid Empty\n", ModelKind.STL, id="ascii STL without a facet"),
        pytest.param(
            b"\xef\xbb\xbf \r\nSOLID x\r\nFACET NORMAL 0 0 1", ModelKind.STL, id="shouting ascii STL"
        ),
        pytest.param(OBJ, ModelKind.OBJ, id="OBJ"),
        pytest.param(OBJ.replace(b"\n", b"\r\n"), ModelKind.OBJ, id="OBJ from Windows"),
        pytest.param(b"# " + b"x" * 50_000 + b"\n" + OBJ, ModelKind.OBJ, id="OBJ after a long comment"),
        pytest.param(b"# " + b"x\n# " * 200_000 + b"\n" + OBJ, ModelKind.OBJ, id="OBJ after a licence"),
        pytest.param(b"\xef\xbb\xbf" + OBJ.replace(b" ", b"\t"), ModelKind.OBJ, id="OBJ with BOM and tabs"),
        pytest.param(OBJ.replace(b"\n", b"\r \t "), ModelKind.OBJ, id="OBJ with CR line ends and indents"),
        pytest.param(b"v +1 \\\r\n 2 \\\r\n3\r\n", ModelKind.OBJ, id="OBJ with continued lines"),
        pytest.param(b"ply\r\nformat ascii 1.0\r\n", ModelKind.PLY, id="PLY"),
        pytest.param(b"ply\rformat ascii 1.0\r", ModelKind.PLY, id="PLY with CR line ends"),
        pytest.param(
            b"ply\ncomment by hand\nobj_info x\ncomment\nformat ascii 1.0\n",
            ModelKind.PLY,
            id="PLY, comments first",
        ),
        pytest.param(package_3mf(model_3mf(CUBE)), ModelKind.THREEMF, id="3MF"),
        pytest.param(
            zipped("[Content_Types].xml", "3d/3DModel.model"), ModelKind.THREEMF, id="3MF, other case"
        ),
        pytest.param(GLB, ModelKind.GLB, id="GLB"),
    ],
)
def test_a_model_is_known_by_its_bytes(data: bytes, expected: ModelKind) -> None:
    assert kind(data) == expected


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, id="picture"),
        pytest.param(b"%PDF-1.7\nsolid facts\n", id="PDF"),
        pytest.param(b"<html><script>alert(1)</script></html>", id="HTML"),
        pytest.param(b"solidarity, and a facet of it", id="text that begins with solid"),
        pytest.param(b"v is a letter\nf is another\n", id="text with v and f"),
        pytest.param(b"plywood\nformat c:\n", id="text that begins with ply"),
        pytest.param(b"ply\ncommentary\nformat c:\n", id="text whose first line is ply"),
        pytest.param(b"solid facts, and every facet of them", id="text that begins with the word solid"),
        pytest.param(b"# v 1 2 3\n" * 10, id="comments alone"),
        pytest.param(b"picture".ljust(80, b"\1") + b"\1\0\0\0" + bytes(range(256)), id="one facet of junk"),
        pytest.param(b"MZ" + bytes(500), id="program"),
        pytest.param(bytes(500), id="zeros"),
        pytest.param(bytes(84 + 50), id="zeros, as long as a facet"),
        pytest.param(zipped("word/document.xml", "[Content_Types].xml"), id="Word file"),
        pytest.param(b"glTF" + struct.pack("<2I", 1, 12), id="glTF 1"),
        pytest.param(b'{"asset": {"version": "2.0"}}', id="glTF as text"),
    ],
)
def test_what_is_no_model_is_an_unsupported_type(data: bytes) -> None:
    with pytest.raises(FileTypeUnsupported):
        kind(data)


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        pytest.param(b"", "empty", id="nothing"),
        pytest.param(STL[:-1], "cut short", id="binary STL cut short"),
        pytest.param(counted(STL, 13), "cut short or damaged", id="binary STL of fewer facets than it says"),
        pytest.param(counted(STL, 0) + b"\0", "cut short or damaged", id="binary STL without a count, cut"),
        pytest.param(b"solid" + STL[5:-50], "cut short", id="binary STL that says solid, cut short"),
        pytest.param(GLB[:-1], "cut short", id="GLB cut short"),
        pytest.param(b"glTF\2\0", "cut short", id="GLB of six bytes"),
        pytest.param(package_3mf(model_3mf(CUBE))[:-30], "3MF", id="3MF cut short"),
        pytest.param(b"PK\x03\x04" + bytes(100), "3MF", id="3MF of zeros"),
        pytest.param(
            zipped("3D/3dmodel.model", content=bytes(10_000_000)), "unpacks to far more", id="zip bomb"
        ),
        pytest.param(zipped("3D/3dmodel.model", *map(str, range(6000))), "too many", id="zip of 6,000 files"),
    ],
)
def test_a_broken_model_is_unreadable(data: bytes, detail: str) -> None:
    with pytest.raises(ModelUnreadable, match=detail):
        kind(data)


def test_a_3mf_with_a_password_is_unreadable() -> None:
    locked = bytearray(zipped("3D/3dmodel.model"))
    central = locked.rfind(b"PK\x01\x02")
    locked[central + 8] |= 1
    with pytest.raises(ModelUnreadable, match="password"):
        kind(bytes(locked))


@pytest.mark.parametrize("way", ["zip", "zip64"])
def test_a_zip_of_a_million_names_is_refused_before_they_are_read(way: str) -> None:
    entry = zipped("3D/3dmodel.model")
    directory = entry[entry.rfind(b"PK\x01\x02") : entry.rfind(b"PK\x05\x06")] * 500_000
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(directory), 50, 0)
    if way == "zip64":  # its record is what zipfile goes by, whatever the common one says
        record = struct.pack(
            "<4sQ2H2I4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 500_000, 500_000, len(directory), 50
        )
        locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, 50 + len(directory), 1)
        end = record + locator + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, 1000, 50, 0)
    file = Counted(entry[:50] + directory + end)
    with pytest.raises(ModelUnreadable, match="too many"):
        sniff(file)
    assert file.given < 1_000_000 < len(directory)


_BEGINNINGS = [
    b"",
    STL[:84],
    STL[:134],
    GLB[:20],
    package_3mf(model_3mf(CUBE)),
    b"ply\nformat ",
    b"solid ",
    b"v 1 2 3",
]


@given(beginning=st.sampled_from(_BEGINNINGS), rest=st.binary(max_size=300), cut=st.integers(0, 700))
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_a_kind_or_one_of_the_two_refusals(beginning: bytes, rest: bytes, cut: int) -> None:
    with contextlib.suppress(FileTypeUnsupported, ModelUnreadable):
        assert kind((beginning + rest)[cut:]) in ModelKind
        assert kind(beginning[:cut] + rest + beginning[cut:]) in ModelKind
