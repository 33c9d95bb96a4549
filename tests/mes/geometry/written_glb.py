"""How is a GLB file written? As glTF 2.0 says, byte for byte, so that each may be wrong on purpose."""

import json
import struct
from typing import Any

import numpy as np

from mes.geometry.parts import Part

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=np.float64)
_QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
CUBE = np.array([(a, b, c) for a, b, c, _ in _QUADS] + [(a, c, d) for a, _, c, d in _QUADS])
_COMPONENTS = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}


class Written:
    """A GLB file in the making: a cube of 10 mm, mesh 0, shown by node 0."""

    def __init__(self) -> None:
        self.binary = b""
        self.document: dict[str, Any] = {
            "asset": {"version": "2.0"},
            "buffers": [{"byteLength": 0}],
            "bufferViews": [],
            "accessors": [],
            "meshes": [],
            "nodes": [{"mesh": 0}],
            "scenes": [{"nodes": [0]}],
            "scene": 0,
        }
        self.mesh(self.primitive(CORNERS * 0.01, CUBE.ravel()))

    def view(self, data: bytes, **more: Any) -> int:
        self.binary += b"\0" * (-len(self.binary) % 4)
        view = {"buffer": 0, "byteOffset": len(self.binary), "byteLength": len(data), **more}
        self.document["bufferViews"].append(view)
        self.binary += data
        self.document["buffers"][0]["byteLength"] = len(self.binary)
        return len(self.document["bufferViews"]) - 1

    def accessor(self, values: Any, dtype: str, kind: str = "VEC3", **more: Any) -> int:
        table = np.asarray(values, dtype=f"<{dtype}")
        view = {"bufferView": self.view(table.tobytes())}
        return self.declare(**view, componentType=_COMPONENTS[dtype], count=len(table), type=kind, **more)

    def declare(self, **accessor: Any) -> int:
        self.document["accessors"].append(accessor)
        return len(self.document["accessors"]) - 1

    def primitive(
        self, points: Any, order: Any = None, mode: int | None = None, index_type: str = "u2"
    ) -> dict[str, Any]:
        found: dict[str, Any] = {"attributes": {"POSITION": self.accessor(points, "f4")}}
        if order is not None:
            found["indices"] = self.accessor(order, index_type, "SCALAR")
        return found if mode is None else {**found, "mode": mode}

    def mesh(self, *primitives: dict[str, Any], **more: Any) -> int:
        self.document["meshes"].append({"primitives": list(primitives), **more})
        return len(self.document["meshes"]) - 1

    def show(self, *nodes: dict[str, Any], roots: tuple[int, ...] = (0,)) -> "Written":
        self.document.update(nodes=list(nodes), scenes=[{"nodes": list(roots)}])
        return self

    def bytes(self, *further: tuple[bytes, bytes]) -> bytes:
        text = json.dumps(self.document).encode()
        return in_chunks((b"JSON", text + b" " * (-len(text) % 4)), (b"BIN\0", self.binary), *further)


def in_chunks(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b""
    for kind, data in chunks:
        data += b"\0" * (-len(data) % 4)
        body += struct.pack("<I4s", len(data), kind) + data
    return struct.pack("<4s2I", b"glTF", 2, 12 + len(body)) + body


def volume(parts: list[Part]) -> float:
    """In mm3, positive where the triangles face outwards."""
    corners = [part.vertices[part.faces] for part in parts]
    return sum(float(np.einsum("ij,ij->", c[:, 0], np.cross(c[:, 1], c[:, 2]))) / 6 for c in corners)


def box_of(parts: list[Part]) -> tuple[list[float], list[float]]:
    """The lowest and the highest corner."""
    points = np.concatenate([part.vertices[part.faces].reshape(-1, 3) for part in parts])
    return points.min(axis=0).round(4).tolist(), points.max(axis=0).round(4).tolist()
