"""Which 3D files do tests upload?"""

import functools

import numpy as np
import trimesh
from django.core.files.uploadedfile import SimpleUploadedFile


@functools.cache
def cube_bytes(edge_mm: float = 10) -> bytes:
    """A cube as a binary STL."""
    return trimesh.creation.box((edge_mm,) * 3).export(file_type="stl")


@functools.cache
def open_box_bytes() -> bytes:
    """A cube without a lid: readable, but no solid, so it can't be priced."""
    box = trimesh.creation.box((10, 10, 10))
    return trimesh.Trimesh(box.vertices, box.faces[:-2]).export(file_type="stl")


@functools.cache
def heap_bytes(seed: int) -> bytes:
    """A GLB of 200 kB that takes more than a minute: hundreds of spheres in nearly the same place."""
    scene, ball = trimesh.Scene(), trimesh.creation.icosphere(subdivisions=3, radius=0.01)
    for n in range(1500):
        matrix = np.eye(4)
        matrix[:3, 3] = (1e-6 * n, 1.1e-6 * (n * 7 % 13), 1.3e-6 * (n * 5 % 11) + seed * 1e-7)
        scene.add_geometry(ball, node_name=f"{n}", geom_name="ball", transform=matrix)
    return bytes(scene.export(file_type="glb"))


def heap(seed: int = 0) -> SimpleUploadedFile:
    """A file that takes all the time it may to be measured; each seed's is another."""
    return SimpleUploadedFile(f"heap-{seed}.glb", heap_bytes(seed))


def cube(edge_mm: float = 10, name: str = "cube.stl") -> SimpleUploadedFile:
    """A cube to be uploaded."""
    return SimpleUploadedFile(name, cube_bytes(edge_mm))


def open_box(name: str = "box.stl") -> SimpleUploadedFile:
    """A cube without a lid to be uploaded."""
    return SimpleUploadedFile(name, open_box_bytes())
