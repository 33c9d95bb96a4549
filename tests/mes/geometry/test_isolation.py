"""Does a file that takes for ever or swells beyond all memory cost no more than its own order?"""

import io
import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from events.model_files import ModelKind
from mes.geometry.answers import Solid, Unpriceable
from mes.geometry.measuring import measure
from tests.solids import cube_bytes


def glb(document: dict[str, Any], data: bytes = b"") -> io.BytesIO:
    text = json.dumps({"asset": {"version": "2.0"}, **document}).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<I4s", len(text), b"JSON") + text
    body += struct.pack("<I4s", len(data), b"BIN\0") + data if data else b""
    return io.BytesIO(b"glTF" + struct.pack("<2I", 2, 12 + len(body)) + body)


def chain_of_nodes(length: int) -> io.BytesIO:
    """Each node moves the next: trimesh looks for the cheapest way to multiply all matrices above each."""
    corners = struct.pack("<9f", 0, 0, 0, 1, 0, 0, 0, 1, 0)
    return glb(
        {
            "buffers": [{"byteLength": len(corners)}],
            "bufferViews": [{"buffer": 0, "byteLength": len(corners)}],
            "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
            "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
            "nodes": [{"mesh": 0, "translation": [1, 0, 0], "children": [n + 1]} for n in range(length - 1)]
            + [{"mesh": 0}],
            "scene": 0,
            "scenes": [{"nodes": [0]}],
        },
        corners,
    )


def test_a_solid_is_measured_in_a_process_of_its_own() -> None:
    assert measure(io.BytesIO(cube_bytes(4)), ModelKind.STL) == Solid(64, (4, 4, 4), 1)


def test_a_refusal_comes_back_with_its_reason() -> None:
    with pytest.raises(Unpriceable, match="no triangles"):
        measure(io.BytesIO(bytes(84)), ModelKind.STL)


def test_a_file_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(Unpriceable, match="takes too long"):
        measure(chain_of_nodes(2000), ModelKind.GLB, seconds=1)


def test_a_file_that_would_take_all_memory_is_refused() -> None:
    greedy = glb(
        {
            "bufferViews": [],
            "accessors": [{"componentType": 5126, "count": 10**9, "type": "MAT4"}],
        }
    )
    with pytest.raises(Unpriceable, match="too detailed"):
        measure(greedy, ModelKind.GLB)


def test_no_process_is_left_behind() -> None:
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    before = children.read_text()
    measure(io.BytesIO(cube_bytes()), ModelKind.STL)

    assert children.read_text() == before


@pytest.mark.django_db
def test_the_database_connection_is_not_disturbed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        before = cursor.fetchone()
        measure(io.BytesIO(cube_bytes()), ModelKind.STL)
        cursor.execute("SELECT pg_backend_pid()")

        assert cursor.fetchone() == before


@pytest.mark.parametrize("line", ["mtllib {}", "usemtl a\nmtllib {}"])
def test_a_file_that_an_obj_names_is_never_opened(tmp_path: Path, line: str) -> None:
    # Whoever opens a pipe that nobody writes to waits for ever.
    pipe = tmp_path / "pipe.mtl"
    os.mkfifo(pipe)
    tetrahedron = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"
    file = io.BytesIO(f"{line.format(pipe)}\n{tetrahedron}".encode())

    assert measure(file, ModelKind.OBJ, seconds=20).volume_mm3 == pytest.approx(1 / 6)
