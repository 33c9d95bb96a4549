"""Is the same solid measured in every format, in millimetres and where the file places it?"""

import json
import math
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import trimesh
from trimesh import Trimesh, creation

from config.demo_models import model_3mf, package_3mf
from events.model_files import ModelKind
from mes.geometry.answers import Unpriceable
from mes.geometry.measuring import measure_here

_CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
_PRODUCTION = "http://schemas.microsoft.com/3dmanufacturing/production/2015/06"


def brick(scale: float = 1) -> Trimesh:
    """Ten by twenty by thirty, away from the origin: 6,000 of its unit's cubes."""
    box = creation.box((10 * scale, 20 * scale, 30 * scale))
    box.apply_translation([100 * scale, 0, -7 * scale])
    return box


def exported(mesh: Any, file_type: str, **options: Any) -> bytes:
    data = mesh.export(file_type=file_type, **options)
    return data.encode() if isinstance(data, str) else data


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        pytest.param("stl", exported(brick(), "stl"), id="binary STL"),
        pytest.param("stl", exported(brick(), "stl_ascii"), id="ascii STL"),
        pytest.param("obj", exported(brick(), "obj"), id="OBJ"),
        pytest.param("obj", exported(brick(), "obj").replace(b"\n", b"\r\n"), id="OBJ from Windows"),
        pytest.param("ply", exported(brick(), "ply"), id="binary PLY"),
        pytest.param("ply", exported(brick(), "ply", encoding="ascii"), id="ascii PLY"),
        pytest.param("glb", exported(brick(0.001), "glb"), id="GLB in metres"),
        pytest.param("3mf", package_3mf(model_3mf(brick())), id="3MF"),
        pytest.param("3mf", package_3mf(model_3mf(brick(1000), "micron")), id="3MF in microns"),
        pytest.param("3mf", package_3mf(model_3mf(brick(0.1), "centimeter")), id="3MF in centimetres"),
        pytest.param("3mf", package_3mf(model_3mf(brick(1 / 25.4), "inch")), id="3MF in inches"),
        pytest.param("3mf", package_3mf(model_3mf(brick(1 / 304.8), "foot")), id="3MF in feet"),
        pytest.param("3mf", package_3mf(model_3mf(brick(0.001), "meter")), id="3MF in metres"),
    ],
)
def test_a_brick_of_six_cubic_centimetres_is_one_in_every_format(kind: str, data: bytes) -> None:
    solid = measure_here(data, ModelKind(kind))

    assert solid.volume_mm3 == pytest.approx(6000, rel=1e-5)
    assert solid.extents_mm == pytest.approx((10, 20, 30), rel=1e-5)
    assert solid.bodies == 1


def test_points_that_differ_only_in_shade_are_one_point() -> None:
    shaded = brick(0.001)
    shaded.unmerge_vertices()
    assert len(shaded.vertex_normals) == 36

    data = shaded.export(file_type="glb", include_normals=True)
    assert measure_here(data, ModelKind.GLB).volume_mm3 == pytest.approx(6000, rel=1e-5)


# -- glTF -------------------------------------------------------------------------------------------------


def glb(change: Callable[[dict[str, Any]], None], mesh: Trimesh | None = None) -> bytes:
    """The brick as a GLB, its JSON changed."""
    data = (mesh or brick(0.001)).export(file_type="glb")
    (length,) = struct.unpack_from("<I", data, 12)
    document = json.loads(data[20 : 20 + length])
    change(document)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<I4s", len(text), b"JSON") + text + data[20 + length :]
    return b"glTF" + struct.pack("<2I", 2, 12 + len(body)) + body


def nodes(*given: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """Replaces the scene: node 0 is its root."""

    def change(document: dict[str, Any]) -> None:
        document.update(scene=0, scenes=[{"nodes": [0]}], nodes=list(given))

    return change


def test_nodes_of_a_glb_are_placed_turned_and_scaled_through_their_parents() -> None:
    half = math.sqrt(0.5)
    scene = nodes(
        {"children": [1, 2], "scale": [2, 2, 2]},
        {"mesh": 0, "rotation": [0, 0, half, half]},
        {"mesh": 0, "translation": [1, 0, 0], "scale": [1, 0.5, 1]},
    )
    solid = measure_here(glb(scene), ModelKind.GLB)

    assert solid.volume_mm3 == pytest.approx(8 * (6000 + 3000), rel=1e-5)
    assert solid.bodies == 2
    # The first is turned a quarter about the z axis to y = 95..105 mm, the second reaches x = 1105 mm; twice.
    assert solid.extents_mm == pytest.approx((2 * (1105 + 10), 2 * (105 + 5), 60), rel=1e-5)


def test_a_mirrored_node_of_a_glb_is_as_solid_as_its_original() -> None:
    scene = nodes({"children": [1, 2]}, {"mesh": 0}, {"mesh": 0, "scale": [-1, 1, 1]})
    solid = measure_here(glb(scene), ModelKind.GLB)

    assert solid.volume_mm3 == pytest.approx(12_000, rel=1e-5)
    assert solid.bodies == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda d: d.update(extensionsUsed=["KHR_draco_mesh_compression"]), "KHR_draco_mesh_compression"),
        (lambda d: d.update(extensionsUsed=["EXT_mesh_gpu_instancing"]), "EXT_mesh_gpu_instancing"),
        (lambda d: d["buffers"][0].update(uri="file:///etc/hostname"), "outside itself"),
        (lambda d: d["accessors"][0].update(sparse={"count": 1}), "sparse"),
        (nodes({"children": [1, 2]}, {"children": [2]}, {"mesh": 0}), "two parents"),
        (lambda d: d.update(meshes="none"), "damaged"),
        (lambda d: d["accessors"][0].update(count=10**6), "damaged"),
    ],
)
def test_a_glb_that_would_be_misread_is_refused(change: Any, reason: str) -> None:
    with pytest.raises(Unpriceable, match=reason):
        measure_here(glb(change), ModelKind.GLB)


# -- 3MF --------------------------------------------------------------------------------------------------


def model(resources: str, build: str) -> str:
    return (
        f'<model unit="millimeter" xmlns="{_CORE}" xmlns:p="{_PRODUCTION}">'
        f"<resources>{resources}</resources><build>{build}</build></model>"
    )


def mesh_object(number: int, mesh: Trimesh, kind: str = "model") -> str:
    """A mesh as an object of a 3MF model."""
    start = model_3mf(mesh).partition("<mesh>")[2].partition("</mesh>")[0]
    return f'<object id="{number}" type="{kind}"><mesh>{start}</mesh></object>'


def assembly(number: int, *parts: str) -> str:
    return f'<object id="{number}"><components>{"".join(parts)}</components></object>'


def read_3mf(resources: str, build: str, **others: str) -> Any:
    return measure_here(package_3mf(model(resources, build), **others), ModelKind.THREEMF)


def test_a_3mf_is_what_its_build_section_places_through_components_and_transforms() -> None:
    cube = mesh_object(1, creation.box((1, 1, 1)))
    pair = assembly(
        2, '<component objectid="1"/>', '<component objectid="1" transform="2 0 0 0 1 0 0 0 1 5 0 0"/>'
    )
    unused = mesh_object(3, brick())
    solid = read_3mf(
        cube + pair + unused,
        '<item objectid="2"/><item objectid="2" transform="0 3 0 -3 0 0 0 0 3 0 20 0"/>',
    )

    assert solid.volume_mm3 == pytest.approx((1 + 2) * (1 + 27))
    assert solid.bodies == 4
    # The first pair spans x -0.5..6 and y -0.5..0.5; the second is turned, tripled and moved 20 up.
    assert solid.extents_mm == pytest.approx((7.5, 0.5 + 20 + 18, 3))


def test_a_mirrored_3mf_item_is_solid_and_a_support_is_no_part_of_the_order() -> None:
    objects = mesh_object(1, creation.box((1, 1, 1))) + mesh_object(2, brick(), kind="support")
    solid = read_3mf(objects, '<item objectid="1" transform="-1 0 0 0 1 0 0 0 1 0 0 0"/><item objectid="2"/>')

    assert solid.volume_mm3 == pytest.approx(1)


def test_a_3mf_may_keep_its_objects_in_other_files_of_the_package() -> None:
    item = '<item objectid="7" p:path="/3D/ring.model"/>'
    solid = read_3mf("", item, ring=model(mesh_object(7, brick()), ""))

    assert solid.volume_mm3 == pytest.approx(6000)


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ('<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + model("&b;", ""), "document type"),
        ('<!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/hostname">]>' + model("&a;", ""), "document type"),
        (model(assembly(1, '<component objectid="1"/>'), '<item objectid="1"/>'), "more than 2,000 parts"),
        (model_3mf(creation.box((1, 1, 1)), unit="parsec"), "unit we don't know: 'parsec'"),
        (model("", '<item objectid="1"/>'), "damaged"),
        (model("", '<item objectid="1" p:path="/etc/hostname"/>'), "damaged"),
        (model("", ""), "no triangles"),
        (model("", "")[:-5], "damaged"),
        ("", "damaged"),
        ("<p>Hello</p>", "no triangles"),
    ],
)
def test_a_3mf_that_is_broken_or_hostile_is_refused(xml: str, reason: str) -> None:
    with pytest.raises(Unpriceable, match=reason):
        measure_here(package_3mf(xml), ModelKind.THREEMF)


def test_the_3mf_reader_agrees_with_trimesh() -> None:
    scene = trimesh.Scene()
    for n in range(3):
        turn = trimesh.transformations.random_rotation_matrix(np.array([0.1 * n, 0.5, 0.9]))
        turn[:3, 3] = [40 * n, 0, 0]
        scene.add_geometry(creation.icosphere(subdivisions=2, radius=4 + n), transform=turn)
    theirs = scene.export(file_type="3mf")
    assert isinstance(theirs, bytes)

    solid = measure_here(theirs, ModelKind.THREEMF)
    assert solid.volume_mm3 == pytest.approx(scene.volume)
    assert solid.bodies == 3
