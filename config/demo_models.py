"""Which 3D models do the demo's orders carry?"""

from trimesh import Trimesh, creation


def demo_models() -> list[tuple[str, bytes]]:
    """Little models by file name, in millimetres; the last has a hole in it, so it can't be priced."""
    solids = {
        "wedding-ring": creation.annulus(8.5, 10, 4, sections=48),
        "ring": creation.torus(9.5, 1.2, major_sections=48, minor_sections=16),
        "bangle": creation.torus(32, 2, major_sections=64, minor_sections=12),
        "pendant-disc": creation.cylinder(9, 1.5, sections=48),
        "bead": creation.icosphere(subdivisions=3, radius=4),
        "cube-charm": creation.box((7, 7, 7)),
        "cufflink": creation.capsule(height=12, radius=3, count=[16, 16]),
        "cone-stud": creation.cone(3, 6, sections=32),
    }
    models = [(f"{name}.stl", mesh.export(file_type="stl")) for name, mesh in solids.items()]
    models.append(("locket-with-a-hole.stl", _open_box().export(file_type="stl")))
    return models


def _open_box() -> Trimesh:
    box = creation.box((12, 9, 4))
    box.update_faces([False] * 2 + [True] * (len(box.faces) - 2))
    return box
