"""Which 3D files do tests upload?"""

import functools

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


def cube(edge_mm: float = 10, name: str = "cube.stl") -> SimpleUploadedFile:
    """A cube to be uploaded."""
    return SimpleUploadedFile(name, cube_bytes(edge_mm))


def open_box(name: str = "box.stl") -> SimpleUploadedFile:
    """A cube without a lid to be uploaded."""
    return SimpleUploadedFile(name, open_box_bytes())
