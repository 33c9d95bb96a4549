"""What JSON and which bytes does a GLB file hold, and may we read it at all?

The format: glTF 2.0, 3.6.1 (buffers), 3.12 (extensions) and 4 (GLB), https://registry.khronos.org/glTF.
"""

import base64
import json
import re
import struct
from collections.abc import Iterable
from typing import Any, NoReturn

from mes.geometry.answers import Unpriceable

#: A JSON object of glTF.
Json = dict[str, Any]

_HEADER = struct.Struct("<4s2I")
_CHUNK = struct.Struct("<I4s")
# Extensions that change where the surface is, in ways we don't follow, even where they are not required.
_UNREAD = {
    "EXT_mesh_gpu_instancing",
    "EXT_mesh_primitive_restart",
    "EXT_meshopt_compression",
    "KHR_draco_mesh_compression",
    "KHR_mesh_primitive_restart",
    "KHR_meshopt_compression",
    "MPEG_accessor_timed",
    "MPEG_buffer_circular",
    "MPEG_mesh_linking",
    "MPEG_scene_dynamic",
    "MSFT_lod",
}
# Those that a file may require: read by us, or of no concern to where the surface is.
_QUANTIZATION = "KHR_mesh_quantization"
_READ = {
    _QUANTIZATION,
    "EXT_mesh_manifold",
    "KHR_animation_pointer",
    "KHR_node_hoverability",
    "KHR_node_selectability",
    "KHR_node_visibility",
    "KHR_techniques_webgl",
}
_READ_KINDS = (
    "ADOBE_materials_",
    "EXT_lights_",
    "EXT_materials_",
    "EXT_texture_",
    "KHR_lights_",
    "KHR_materials_",
    "KHR_texture_",
    "KHR_xmp",
    "MSFT_packing_",
    "MSFT_texture_",
    "NV_materials_",
)
_DATA_URI = re.compile(r"data:[\w.+/-]*;base64,", re.ASCII)


class Glb:
    """A GLB file's document and bytes. Raises ``Unpriceable``, or whatever a damaged file makes it raise."""

    def __init__(self, data: bytes) -> None:
        text, self._binary = _chunks(data)
        self.document: Json = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
        self._buffers: dict[int, memoryview] = {}
        asset = self.document["asset"]
        if not asset["version"].startswith("2."):
            raise ValueError("not of glTF 2")
        if asset.get("minVersion", "2.0") != "2.0":
            _refuse(f"glTF {asset['minVersion']}")
        used, required = self.document.get("extensionsUsed", []), self.document.get("extensionsRequired", [])
        self.is_quantized = _QUANTIZATION in used or _QUANTIZATION in required
        refuse_unread(used)
        refuse_unread(required)
        for name in required:
            if name not in _READ and (not name.startswith(_READ_KINDS) or "displacement" in name):
                _refuse(name)

    def item(self, kind: str, index: Any) -> Json:
        """One of the document's ``nodes``, ``meshes``... Raises ``ValueError`` where the index is none."""
        found: list[Json] = self.document.get(kind, [])
        if not whole(index) < len(found):
            raise ValueError(f"there are fewer {kind}")
        return found[index]

    def buffer(self, index: int) -> memoryview:
        """A buffer's bytes, those of the file or of a data URI. No file is opened for it."""
        if index not in self._buffers:
            buffer = self.item("buffers", index)
            data, length = self._content(index, buffer.get("uri")), whole(buffer["byteLength"])
            if length > len(data):
                raise ValueError("a buffer is shorter than it says")
            self._buffers[index] = memoryview(data)[:length]
        return self._buffers[index]

    def _content(self, index: int, uri: str | None) -> bytes:
        if uri is None:
            if index != 0:
                raise ValueError("only the first buffer is the file's second chunk")
            return self._binary
        if found := _DATA_URI.match(uri):
            return base64.b64decode(uri[found.end() :], validate=True)
        raise Unpriceable("The GLB file keeps its geometry outside itself. Export it as one file.")


def refuse_unread(extensions: Iterable[str]) -> None:
    """Raises ``Unpriceable`` that names the first of these extensions that we don't follow."""
    for name in sorted(_UNREAD.intersection(extensions)):
        _refuse(name)


def whole(number: Any) -> int:
    """A count, offset or index of the document. Raises ``ValueError`` for what is no whole number from 0."""
    if type(number) is not int or number < 0:
        raise ValueError("not a whole number from 0")
    return number


def _refuse(extension: str) -> NoReturn:
    raise Unpriceable(f"The GLB file uses {extension[:80]}, which we can't read. Export it without.")


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    """The JSON and the binary chunk, which may be absent (4.4). Further chunks are for extensions."""
    magic, version, length = _HEADER.unpack_from(data)
    if (magic, version, length) != (b"glTF", 2, len(data)):
        raise ValueError("not a whole GLB file of version 2")
    chunks: list[tuple[bytes, bytes]] = []
    start = _HEADER.size
    while start < length:
        size, kind = _CHUNK.unpack_from(data, start)
        start += _CHUNK.size + size
        if start > length:
            raise ValueError("a chunk is cut short")
        if len(chunks) < 2:
            chunks.append((kind, data[start - size : start]))
    if chunks[0][0] != b"JSON":
        raise ValueError("the first chunk is not JSON")
    is_binary = len(chunks) > 1 and chunks[1][0] == b"BIN\0"
    return chunks[0][1], chunks[1][1] if is_binary else b""


def _object(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object says one thing twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
