"""Are the bytes and numbers of a GLB file read as glTF 2.0 says, or else refused by name?"""

import base64
import json
from typing import Any

import numpy as np
import pytest

from events.model_files import ModelKind
from mes.geometry.answers import Unpriceable
from mes.geometry.glb import read_glb
from mes.geometry.measuring import measure_here
from tests.mes.geometry.written_glb import CORNERS, CUBE, Written, in_chunks, volume

_DATA_URI = "data:application/octet-stream;base64,"


def changed(**changes: Any) -> bytes:
    """The cube with parts of its document replaced."""
    written = Written()
    written.document.update(changes)
    return written.bytes()


# -- Accessors --------------------------------------------------------------------------------------------


def test_points_may_stand_a_stride_apart_and_behind_an_offset() -> None:
    written = Written()
    rows = np.zeros((8, 6), dtype="<f4")
    rows[:, 2:5] = CORNERS * 0.01
    view = written.view(b"\xff" * 8 + rows.tobytes(), byteStride=24)
    primitive = written.document["meshes"][0]["primitives"][0]
    primitive["attributes"]["POSITION"] = written.declare(
        bufferView=view, byteOffset=16, componentType=5126, count=8, type="VEC3"
    )
    # The last element may end where the view does, without its stride.
    written.document["bufferViews"][view]["byteLength"] = 16 + 7 * 24 + 12

    assert volume(read_glb(written.bytes())) == pytest.approx(1000, rel=1e-5)


@pytest.mark.parametrize("is_over_zeros", [False, True])
def test_sparse_values_replace_those_below_them(is_over_zeros: bool) -> None:
    """With and without a buffer view to be sparse over: without one, all else is zero."""
    written = Written()
    where = np.arange(1, 8) if is_over_zeros else np.array([4, 5, 6, 7])
    points = CORNERS * 0.01 if is_over_zeros else CORNERS * (0.02, 0.01, 0.01)
    sparse = {
        "count": len(where),
        "indices": {"bufferView": written.view(where.astype("<u1").tobytes()), "componentType": 5121},
        "values": {"bufferView": written.view(points[where].astype("<f4").tobytes())},
    }
    accessor = written.document["accessors"][0]
    accessor["sparse"] = sparse
    if is_over_zeros:
        del accessor["bufferView"]

    assert volume(read_glb(written.bytes())) == pytest.approx(1000 if is_over_zeros else 2000, rel=1e-5)


@pytest.mark.parametrize(
    ("dtype", "is_normalized", "largest"),
    [
        ("i1", True, 127),
        ("u1", True, 255),
        ("i2", True, 32767),
        ("u2", True, 65535),
        ("i1", False, 1),
        ("u2", False, 1),
    ],
)
def test_quantized_points_are_read(dtype: str, is_normalized: bool, largest: int) -> None:
    written = Written()
    points = written.accessor(CORNERS * largest, dtype, normalized=is_normalized)
    written.document["meshes"][0]["primitives"][0]["attributes"]["POSITION"] = points
    written.show({"mesh": 0, "scale": [0.01, 0.01, 0.01]})
    with pytest.raises(ValueError, match="quantized"):
        read_glb(written.bytes())

    used = ["KHR_mesh_quantization"]
    written.document.update(extensionsUsed=used, extensionsRequired=used)
    assert volume(read_glb(written.bytes())) == pytest.approx(1000, rel=1e-5)


def test_bytes_may_stand_in_a_data_uri_but_not_in_another_file() -> None:
    written = Written()
    uri = _DATA_URI + base64.b64encode(written.binary).decode()
    written.document["buffers"][0]["uri"] = uri
    text = json.dumps(written.document).encode()
    assert volume(read_glb(in_chunks((b"JSON", text + b" " * (-len(text) % 4))))) == pytest.approx(1000)

    for elsewhere in ("file:///etc/hostname", "box.bin", "data:text/plain,box"):
        written.document["buffers"][0]["uri"] = elsewhere
        with pytest.raises(Unpriceable, match="outside itself"):
            read_glb(written.bytes())


def test_a_file_of_ten_bytes_does_not_ask_for_gigabytes() -> None:
    written = Written()
    written.document["accessors"] = [
        {"componentType": 5126, "count": 10**9, "type": "VEC3"},
        {"componentType": 5125, "count": 10**9, "type": "SCALAR"},
    ]
    with pytest.raises(Unpriceable, match="more than 2,000,000 triangles"):
        read_glb(written.bytes())


# -- What is refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "extension",
    [
        "EXT_mesh_gpu_instancing",
        "EXT_meshopt_compression",
        "KHR_draco_mesh_compression",
        "KHR_mesh_primitive_restart",
        "MSFT_lod",
    ],
)
def test_an_extension_that_changes_the_shape_is_refused_by_name_wherever_it_stands(extension: str) -> None:
    written = Written()
    uses: list[dict[str, Any]] = [
        written.document["nodes"][0],
        written.document["meshes"][0],
        written.document["meshes"][0]["primitives"][0],
        written.document["bufferViews"][0],
    ]
    for used in uses:
        used["extensions"] = {extension: {}}
        with pytest.raises(Unpriceable, match=extension):
            read_glb(written.bytes())
        del used["extensions"]
    with pytest.raises(Unpriceable, match=extension):
        read_glb(changed(extensionsUsed=[extension]))


def test_an_extension_that_nobody_knows_is_refused_only_where_it_is_required() -> None:
    assert len(read_glb(changed(extensionsUsed=["ACME_polish"]))) == 1
    with pytest.raises(Unpriceable, match="ACME_polish"):
        read_glb(changed(extensionsUsed=["ACME_polish"], extensionsRequired=["ACME_polish"]))
    with pytest.raises(Unpriceable, match="KHR_materials_displacement"):
        read_glb(changed(extensionsRequired=["KHR_materials_displacement"]))
    with pytest.raises(Unpriceable, match=r"glTF 2\.1"):
        read_glb(changed(asset={"version": "2.0", "minVersion": "2.1"}))


@pytest.mark.parametrize(
    "extension", ["KHR_materials_unlit", "KHR_texture_transform", "EXT_texture_webp", "KHR_xmp_json_ld"]
)
def test_colour_may_be_required(extension: str) -> None:
    assert len(read_glb(changed(extensionsUsed=[extension], extensionsRequired=[extension]))) == 1


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("accessors", {"count": 9}),
        ("accessors", {"count": -1}),
        ("accessors", {"count": 8.0}),
        ("accessors", {"byteOffset": 4}),
        ("accessors", {"type": "VEC4"}),
        ("accessors", {"componentType": 5125}),
        ("accessors", {"componentType": 5124}),
        ("accessors", {"bufferView": -1}),
        ("accessors", {"bufferView": True}),
        ("bufferViews", {"byteLength": 10**6}),
        ("bufferViews", {"byteStride": 4}),
        ("bufferViews", {"buffer": 1}),
        ("buffers", {"byteLength": 10**6}),
        ("nodes", {"mesh": 1}),
        ("nodes", {"mesh": -1}),
        ("nodes", {"children": [7]}),
        ("nodes", {"weights": [1]}),
        ("nodes", {"rotation": [0, 0, 0, 2]}),
        ("nodes", {"scale": [1, 1]}),
        ("nodes", {"scale": [1, 1, 1e999]}),
        ("nodes", {"translation": [0, 0, 0], "matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]}),
        ("nodes", {"matrix": [1, 0, 0, 0.5, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]}),
        ("scenes", {"nodes": [0, 0]}),
        ("scenes", {"nodes": [1]}),
    ],
)
def test_a_document_at_odds_with_itself_is_refused(kind: str, changes: dict[str, Any]) -> None:
    written = Written()
    written.document[kind][0].update(changes)
    with pytest.raises(Unpriceable, match="damaged"):
        measure_here(written.bytes(), ModelKind.GLB)


@pytest.mark.parametrize(
    ("order", "mode", "index_type"),
    [
        ([0, 1, 2, 3], 4, "u2"),
        ([0, 1], 5, "u2"),
        ([0, 1], 6, "u2"),
        ([0, 1, 2], 7, "u2"),
        ([0, 1, 8], 4, "u2"),
        ([0, 1, 255], 4, "u1"),
        ([0, 1, 2, 65535, 3, 4, 5], 5, "u2"),
        ([0, 1, 2], 4, "i2"),
    ],
)
def test_indices_that_make_no_whole_triangles_are_refused(
    order: list[int], mode: int, index_type: str
) -> None:
    written = Written()
    primitive = written.primitive(CORNERS, order, mode=mode, index_type=index_type)
    written.document["meshes"][0]["primitives"] = [primitive]
    with pytest.raises(Unpriceable, match="damaged"):
        measure_here(written.bytes(), ModelKind.GLB)


def test_coordinates_that_are_no_numbers_are_refused() -> None:
    written = Written()
    points = CORNERS.copy()
    points[3, 1] = np.nan
    written.document["meshes"][0]["primitives"] = [written.primitive(points, CUBE.ravel())]
    with pytest.raises(Unpriceable, match="not numbers"):
        measure_here(written.bytes(), ModelKind.GLB)


def test_chunks_after_the_second_are_passed_over() -> None:
    assert volume(read_glb(Written().bytes((b"ACME", b"1234"), (b"BIN\0", b"5678")))) == pytest.approx(1000)


def _text(document: str) -> bytes:
    return in_chunks((b"JSON", document.encode() + b" " * (-len(document) % 4)))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(Written().bytes()[:-4], id="cut short"),
        pytest.param(Written().bytes() + b"\0\0\0\0", id="longer than it says"),
        pytest.param(in_chunks((b"BIN\0", b"1234"), (b"JSON", b"{}  ")), id="JSON behind"),
        pytest.param(in_chunks((b"JSON", b"{}  ")), id="no asset"),
        pytest.param(_text('{"asset":{"version":"1.0"}}'), id="glTF 1"),
        pytest.param(_text('{"asset":{"version":"2.0"},"asset":{"version":"2.0"}}'), id="said twice"),
        pytest.param(_text('{"asset":{"version":"2.0"},"nodes":[{"scale":[NaN,1,1]}]}'), id="NaN in JSON"),
        pytest.param(_text('{"asset":' * 100_000 + "0" + "}" * 100_000), id="nested too deep"),
        pytest.param(b"glTF", id="only its first bytes"),
    ],
)
def test_a_broken_container_is_refused(data: bytes) -> None:
    with pytest.raises(Unpriceable, match="damaged"):
        measure_here(data, ModelKind.GLB)
