"""Which 3D models do the demo's orders carry?"""

import io
import zipfile
from typing import Any, cast

import numpy as np
from trimesh import Trimesh, creation, util

_CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"


def demo_models() -> list[tuple[str, bytes]]:
    """Little models by file name, made here and the same each time, in every format that clients send.

    The last has a hole in it, so it can't be priced.
    """
    solids = {
        "wedding-ring": creation.annulus(8.5, 10, 4, sections=48),
        "ring": creation.torus(9.5, 1.2, major_sections=48, minor_sections=16),
        "signet-ring": _signet_ring(),
        "bangle": creation.torus(32, 2, major_sections=64, minor_sections=12),
        "pendant-disc": creation.cylinder(9, 1.5, sections=48),
        "hollow-bead": _hollow_bead(),
        "cufflink": creation.capsule(height=12, radius=3, count=[16, 16]),
        "cone-stud": creation.cone(3, 6, sections=32),
    }
    beads = [creation.icosphere(subdivisions=2, radius=4) for _ in range(2)]
    beads[1].apply_translation([20, 0, 0])
    return [
        *((f"{name}.stl", _exported(mesh, "stl")) for name, mesh in solids.items()),
        ("pair-of-beads.obj", _exported(_together(*beads), "obj")),
        ("dog-tag.ply", _exported(creation.box((28, 50, 1.5)), "ply")),
        ("tie-bar.3mf", package_3mf(model_3mf(creation.box((2.2, 0.25, 0.06)), unit="inch"))),
        ("cube-charm.glb", _exported(creation.box((0.007, 0.007, 0.007)), "glb")),
        ("locket-with-a-hole.stl", _exported(_open_box(), "stl")),
    ]


def model_3mf(mesh: Trimesh, unit: str = "millimeter") -> str:
    """The XML of a 3MF model that holds and places one mesh."""
    vertices = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in mesh.vertices.tolist())
    triangles = "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in mesh.faces.tolist())
    return (
        f'<model unit="{unit}" xmlns="{_CORE}"><resources><object id="1" type="model"><mesh>'
        f"<vertices>{vertices}</vertices><triangles>{triangles}</triangles></mesh></object></resources>"
        '<build><item objectid="1"/></build></model>'
    )


def package_3mf(model: str, **others: str) -> bytes:
    """A 3MF package of a model's XML, and of further ones under ``3D/<name>.model``."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, xml in {"3dmodel": model, **others}.items():
            # A ZipInfo of our own carries no time of day: the same model is the same file.
            archive.writestr(zipfile.ZipInfo(f"3D/{name}.model"), xml, zipfile.ZIP_DEFLATED)
    return package.getvalue()


def _exported(mesh: Trimesh, file_type: str) -> bytes:
    data: Any = mesh.export(file_type=file_type)
    return bytes(data, "ascii") if isinstance(data, str) else bytes(data)


def _signet_ring() -> Trimesh:
    """A ring that swells towards its seal."""
    ring = creation.torus(9.5, 1.2, major_sections=64, minor_sections=12)
    x, y, _ = ring.vertices.T
    swell = 1 + 1.5 * np.exp(-((np.arctan2(y, x) / 0.5) ** 2))
    ring.vertices[:, 2] *= swell
    return ring


def _hollow_bead() -> Trimesh:
    hollow = creation.icosphere(subdivisions=2, radius=3.2)
    hollow.invert()
    return _together(creation.icosphere(subdivisions=3, radius=4), hollow)


def _together(*meshes: Trimesh) -> Trimesh:
    return cast("Trimesh", util.concatenate(list(meshes)))


def _open_box() -> Trimesh:
    box = creation.box((12, 9, 4))
    box.update_faces([False] * 2 + [True] * (len(box.faces) - 2))
    return box
