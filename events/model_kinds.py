"""Which of the five 3D formats is this file, judged by its bytes alone?"""

import re
import struct
import zipfile
from enum import StrEnum
from os import SEEK_END
from typing import IO, Any

from events.errors import DomainError

# What a text format shows of itself must show up this early; comments and names come before it.
_HEAD_BYTES = 64 * 1024
# An OBJ that begins with comments may go on with them: who made it, under which licence.
_COMMENT_BYTES = 4 * 1024**2
# A 3MF is a zip of XML, which shrinks about eightfold; one that claims more than this is a bomb.
_ZIP_MOST_RATIO = 100
_ZIP_MOST_BYTES = 512 * 1024**2
# The relationship type that leads to a 3MF package's model.
_START_PART = b"http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
# A zip's central directory is read whole; a 3MF has a few dozen entries of about 100 bytes.
_ZIP_MOST_DIRECTORY = 256 * 1024

_STL_HEADER = 84
_STL_FACET = 50
_STL_SAMPLE = 100
# What a program writes for the number of facets before it has counted them, and may forget to correct.
_STL_UNCOUNTED = (0, 0xFFFFFFFF)
_GLB_HEADER = 12
_BOM = b"\xef\xbb\xbf"
_ASCII_STL = re.compile(rb"solid(?!\S).*?(?<!\S)(?:facet\s+normal|endsolid)(?!\S)", re.IGNORECASE | re.DOTALL)
_PLY = re.compile(rb"ply[ \t]*[\r\n]\s*(?:(?:comment|obj_info)\b[^\r\n]*[\r\n]\s*)*format[ \t]")
# A line may go on in the next one, after a backslash.
_VERTEX_LINE = re.compile(rb"(?:^|[\r\n])[ \t]*v(?:(?:[ \t]|\\\r?\n)+[-+]?[\d.][^\s\\]*){3}")


class FileTypeUnsupported(DomainError):
    """The bytes are no 3D file we read."""

    code = "file_type_unsupported"
    status = 415


class ModelUnreadable(DomainError):
    """The bytes begin like a 3D file, but the file is empty, cut short or broken."""

    code = "model_unreadable"
    status = 422


class ModelKind(StrEnum):
    """The formats accepted; the value is the file name's extension."""

    STL = "stl"
    OBJ = "obj"
    PLY = "ply"
    THREEMF = "3mf"
    GLB = "glb"

    @property
    def media_type(self) -> str:
        """The registered media type (IANA ``model/*``); PLY has none, so its file is plain octets."""
        return {
            ModelKind.STL: "model/stl",
            ModelKind.OBJ: "model/obj",
            ModelKind.PLY: "application/octet-stream",
            ModelKind.THREEMF: "model/3mf",
            ModelKind.GLB: "model/gltf-binary",
        }[self]


def sniff(file: IO[bytes] | Any) -> ModelKind:
    """The kind of an open, seekable file of bytes.

    Raises ``FileTypeUnsupported`` or ``ModelUnreadable``, and nothing else whatever the bytes are. What the
    file calls itself is never asked: a name proves nothing.
    """
    file.seek(0, SEEK_END)
    size = file.tell()
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if not size:
        raise ModelUnreadable("The file is empty.")
    if head.startswith(b"glTF"):
        return _check_glb(head, size)
    if head.startswith(b"PK\x03\x04"):
        return _check_3mf(file, size)
    if _PLY.match(head.removeprefix(_BOM)):
        return ModelKind.PLY
    if is_binary_stl(head, size):
        # Before the text formats: many programs begin a binary STL's free header with the word "solid".
        return ModelKind.STL
    if b"\0" in head:
        if _begins_like_binary_stl(head):
            raise ModelUnreadable("The STL file is cut short or damaged: its length does not fit its header.")
        raise _unsupported()
    return _text_kind(head, file)


def _text_kind(head: bytes, file: IO[bytes] | Any) -> ModelKind:
    text = head.removeprefix(_BOM).lstrip()
    if _ASCII_STL.match(text):
        return ModelKind.STL
    if text.startswith(b"#"):
        text += file.read(_COMMENT_BYTES)
    if _VERTEX_LINE.search(text):
        return ModelKind.OBJ
    raise _unsupported()


def _unsupported() -> FileTypeUnsupported:
    return FileTypeUnsupported("This is not a 3D file we can read. Send an STL, OBJ, PLY, 3MF or GLB file.")


def is_binary_stl(head: bytes, size: int) -> bool:
    """Whether a file of ``size`` bytes with this head is a binary STL that holds all its facets.

    Programs leave bytes behind the facets, or never write the number of facets: there the facets themselves
    must look like some.
    """
    if len(head) < _STL_HEADER:
        return False
    facets = stl_facet_count(head)
    if size == _STL_HEADER + facets * _STL_FACET:
        return True
    if facets in _STL_UNCOUNTED:
        return (size - _STL_HEADER) % _STL_FACET == 0 and are_stl_facets(head[_STL_HEADER:])
    is_whole = size > _STL_HEADER + facets * _STL_FACET
    return is_whole and are_stl_facets(head[_STL_HEADER : _STL_HEADER + facets * _STL_FACET])


def stl_facet_count(data: bytes) -> int:
    """How many facets a binary STL says it holds."""
    count: int = struct.unpack_from("<I", data, _STL_HEADER - 4)[0]
    return count


def are_stl_facets(data: bytes) -> bool:
    """Whether bytes look like facets of a binary STL: points of this world, corners that differ, and normals
    of which most are unit vectors, or zero or NaN as some programs leave them. A sample is looked at.
    """
    whole = data[: min(len(data) // _STL_FACET, _STL_SAMPLE) * _STL_FACET]
    facets = list(struct.iter_unpack("<12f2x", whole))
    are_points = all(abs(x) < 1e9 for facet in facets for x in facet[3:])
    has_area = any(len({facet[3:6], facet[6:9], facet[9:]}) == 3 for facet in facets)
    lengths = [sum(x * x for x in facet[:3]) for facet in facets]
    normals = sum(not 0 < length < 0.98 and not length > 1.02 for length in lengths)
    return are_points and has_area and 2 * normals > len(facets)


def _begins_like_binary_stl(head: bytes) -> bool:
    """Whether the first facet is one, or the header says so."""
    facet = head[_STL_HEADER : _STL_HEADER + _STL_FACET]
    if head.startswith(b"solid") or are_stl_facets(facet):
        return True
    if len(facet) < _STL_FACET or stl_facet_count(head) == 0:
        return False
    normal: tuple[float, ...] = struct.unpack_from("<3f", facet)
    length = sum(x * x for x in normal)
    return length == 0 or 0.99 < length < 1.01


def _check_glb(head: bytes, size: int) -> ModelKind:
    if len(head) < _GLB_HEADER:
        raise ModelUnreadable("The GLB file is cut short.")
    version, length = struct.unpack_from("<2I", head, 4)
    if version != 2:
        raise FileTypeUnsupported("Only GLB files of glTF version 2 can be read.")
    if length != size:
        raise ModelUnreadable("The GLB file is cut short or damaged: its length does not fit its header.")
    return ModelKind.GLB


def _check_3mf(file: IO[bytes] | Any, size: int) -> ModelKind:
    """Looks into the zip's directory, and unpacks nothing but the small file that tells a 3MF from others."""
    try:
        _check_directory_size(file, size)
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            # Python reads no more of an entry than the directory declares, so the sizes can be trusted.
            unpacked = sum(entry.file_size for entry in entries)
            if unpacked > min(_ZIP_MOST_BYTES, size * _ZIP_MOST_RATIO):
                raise ModelUnreadable("The 3MF file unpacks to far more than a 3D model needs.")
            if not _holds_model(archive, entries):
                raise FileTypeUnsupported("This zip archive holds no 3D model: it is not a 3MF file.")
    except DomainError:
        raise
    except Exception as error:
        # A hostile directory makes zipfile raise much besides BadZipFile: struct.error, UnicodeDecodeError...
        raise ModelUnreadable("The file is a damaged zip or 3MF archive.") from error
    if any(entry.flag_bits & 1 for entry in entries):
        raise ModelUnreadable("The 3MF file is protected by a password.")
    return ModelKind.THREEMF


def _holds_model(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> bool:
    """Whether a file has the usual ending of a 3D model, or else the package's relationships name one: the
    start part of a 3MF may be called anything (3MF Core 2.1)."""
    if any(entry.filename.lower().endswith(".model") for entry in entries):
        return True
    relationships = [entry for entry in entries if entry.filename.lower().lstrip("/") == "_rels/.rels"]
    if not relationships or relationships[0].flag_bits & 1:
        return False
    with archive.open(relationships[0]) as file:
        # Without zero bytes UTF-16 reads like UTF-8.
        relationships_text: bytes = file.read(_HEAD_BYTES).replace(b"\0", b"")
    return _START_PART in relationships_text


def _check_directory_size(file: IO[bytes] | Any, size: int) -> None:
    """A directory of millions of entries would hold a web worker for many seconds; look before reading."""
    # What zipfile will go by itself: a zip64 record, where there is one, outdoes the common one.
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if not end:
        raise ModelUnreadable("The 3MF file is cut short.")
    if end[zipfile._ECD_SIZE] > _ZIP_MOST_DIRECTORY:  # type: ignore[attr-defined]
        raise ModelUnreadable("The 3MF file has too many entries.")
