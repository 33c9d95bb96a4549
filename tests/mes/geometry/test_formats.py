"""Is the same solid measured in every format, in millimetres and where the file places it?"""

from typing import Any

import numpy as np
import pytest
import trimesh
from trimesh import Trimesh, creation

from config.demo_models import model_3mf, package_3mf
from events.model_files import ModelKind
from mes.geometry.measuring import measure_here


def brick(scale: float = 1) -> Trimesh:
    """Ten by twenty by thirty, away from the origin: 6,000 of its unit's cubes."""
    box = creation.box((10 * scale, 20 * scale, 30 * scale))
    box.apply_translation([100 * scale, 0, -7 * scale])
    return box


def y_up(mesh: Trimesh) -> Trimesh:
    """The same as glTF has it: what was up is y."""
    return mesh.apply_transform(trimesh.transformations.rotation_matrix(-np.pi / 2, (1, 0, 0)))


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
        pytest.param("glb", exported(y_up(brick(0.001)), "glb"), id="GLB in metres, y up"),
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
