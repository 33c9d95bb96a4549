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
# A 3MF is a zip of XML, which shrinks about eightfold; one that claims more than this is a bomb.
_ZIP_MOST_RATIO = 100
_ZIP_MOST_BYTES = 512 * 1024**2
# A zip's central directory is read whole; a 3MF has a few dozen entries of about 100 bytes.
_ZIP_MOST_DIRECTORY = 256 * 1024

_STL_HEADER = 84
_STL_FACET = 50
_GLB_HEADER = 12
_ASCII_STL = re.compile(rb"solid\b.*?\b(facet|endsolid)\b", re.IGNORECASE | re.DOTALL)
_VERTEX_LINE = re.compile(rb"^[ \t]*v[ \t]+-?[\d.][^\s]*[ \t]+-?[\d.][^\s]*[ \t]+-?[\d.]", re.MULTILINE)


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
    if re.match(rb"ply\r?\n\s*format ", head):
        return ModelKind.PLY
    if size == _stl_size(head):
        # Before the text formats: many programs begin a binary STL's free header with the word "solid".
        return ModelKind.STL
    if b"\0" in head:
        if _begins_like_binary_stl(head):
            raise ModelUnreadable("The STL file is cut short or damaged: its length does not fit its header.")
        raise _unsupported()
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _ASCII_STL.match(text):
        return ModelKind.STL
    if _VERTEX_LINE.search(text):
        return ModelKind.OBJ
    raise _unsupported()


def _unsupported() -> FileTypeUnsupported:
    return FileTypeUnsupported("This is not a 3D file we can read. Send an STL, OBJ, PLY, 3MF or GLB file.")


def _stl_size(head: bytes) -> int | None:
    """How long a binary STL with this header has to be, bytes."""
    if len(head) < _STL_HEADER:
        return None
    facets: int = struct.unpack_from("<I", head, _STL_HEADER - 4)[0]
    return _STL_HEADER + facets * _STL_FACET


def _begins_like_binary_stl(head: bytes) -> bool:
    """Whether the first facet is one: its normal is a unit vector, or zero as some programs leave it."""
    if head.startswith(b"solid"):
        return True
    if len(head) < _STL_HEADER + _STL_FACET or _stl_size(head) == _STL_HEADER:
        return False
    normal: tuple[float, ...] = struct.unpack_from("<3f", head, _STL_HEADER)
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
    """Looks into the zip's directory only: nothing is unpacked here."""
    try:
        _check_directory_size(file, size)
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except ModelUnreadable:
        raise
    except Exception as error:
        # A hostile directory makes zipfile raise much besides BadZipFile: struct.error, UnicodeDecodeError...
        raise ModelUnreadable("The file is a damaged zip or 3MF archive.") from error
    if not any(entry.filename.lower().endswith("3d/3dmodel.model") for entry in entries):
        raise FileTypeUnsupported("This zip archive holds no 3D model: it is not a 3MF file.")
    if any(entry.flag_bits & 1 for entry in entries):
        raise ModelUnreadable("The 3MF file is protected by a password.")
    # Python reads no more of an entry than the directory declares, so the declared sizes can be trusted.
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > min(_ZIP_MOST_BYTES, size * _ZIP_MOST_RATIO):
        raise ModelUnreadable("The 3MF file unpacks to far more than a 3D model needs.")
    return ModelKind.THREEMF


def _check_directory_size(file: IO[bytes] | Any, size: int) -> None:
    """A directory of millions of entries would hold a web worker for many seconds; look before reading."""
    # What zipfile will go by itself: a zip64 record, where there is one, outdoes the common one.
    end = zipfile._EndRecData(file)  # type: ignore[attr-defined]
    if not end:
        raise ModelUnreadable("The 3MF file is cut short.")
    if end[zipfile._ECD_SIZE] > _ZIP_MOST_DIRECTORY:  # type: ignore[attr-defined]
        raise ModelUnreadable("The 3MF file has too many entries.")
