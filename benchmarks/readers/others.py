"""What do VTK and lib3mf read in a file? Polygons in millimetres, a mesh for each part that stands in it.

Neither shares a line with our readers or with trimesh.
"""

import importlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_LIB3MF_MM = {0: 0.001, 1: 1.0, 2: 10.0, 3: 25.4, 4: 304.8, 5: 1000.0}  # micron ... metre


class Mesh(NamedTuple):
    """Points in mm and triangles; where the file has larger polygons, also the same cut as fans."""

    points: Floats
    triangles: Ints
    fans: Ints


class Unread(Exception):
    """The independent reader read nothing, or said that something is wrong."""


def missing() -> list[str]:
    """The independent readers that are not installed."""
    return [name for name in ("vtkmodules", "lib3mf", "manifold3d") if not _is_there(name)]


def _is_there(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True


def prepare() -> None:
    """Imports the readers, so that no file pays for it."""
    if "vtkmodules" not in missing():
        _vtk()


def read(path: Path, kind: str) -> list[Mesh]:
    """The meshes of a file. Raises ``Unread`` and whatever the readers raise."""
    if kind == "3mf":
        meshes = list(_by_lib3mf(path))
    else:
        meshes = list(_glb_by_vtk(path) if kind == "glb" else _by_vtk(path, kind))
    if not meshes:
        raise Unread("no polygons")
    return meshes


def _by_vtk(path: Path, kind: str) -> Iterator[Mesh]:
    reader = getattr(_vtk(), {"stl": "vtkSTLReader", "obj": "vtkOBJReader", "ply": "vtkPLYReader"}[kind])()
    if kind == "ply":
        reader.SetDuplicatePointsForFaceTexture(False)  # with it VTK 9.7.2 dies of some files
    _update(reader, path)
    if len((mesh := _mesh(reader.GetOutput())).triangles):
        yield mesh


@cache
def _vtk() -> Any:
    """The modules of VTK that are used, as one; all of VTK would take seconds to import."""
    names = ("IOGeometry", "IOPLY", "FiltersCore", "CommonCore", "CommonDataModel")
    modules = [vars(importlib.import_module(f"vtkmodules.vtk{name}")) for name in names]
    found = {name: value for module in modules for name, value in module.items() if name.startswith("vtk")}
    found["vtkObject"].GlobalWarningDisplayOff()
    return SimpleNamespace(**found)


def _update(reader: Any, path: Path) -> None:
    said: list[str] = []
    reader.AddObserver("ErrorEvent", lambda *_: said.append("error"))
    reader.SetFileName(str(path))
    reader.Update()
    if said or reader.GetErrorCode():
        raise Unread(f"VTK reports an error (code {reader.GetErrorCode()})")


def _array(data: Any, dtype: Any) -> Any:
    """A VTK array as numpy's, copied."""
    return np.array(importlib.import_module("vtkmodules.util.numpy_support").vtk_to_numpy(data), dtype=dtype)


def _mesh(polydata: Any, scale: float = 1.0) -> Mesh:
    points = polydata.GetPoints()
    if points is None or not polydata.GetNumberOfPolys() + polydata.GetNumberOfStrips():
        return Mesh(np.empty((0, 3)), np.empty((0, 3), dtype=np.int64), np.empty((0, 3), dtype=np.int64))
    triangulate = _vtk().vtkTriangleFilter()
    triangulate.SetInputData(polydata)
    triangulate.PassLinesOff()
    triangulate.PassVertsOff()
    triangulate.Update()
    cut = triangulate.GetOutput()
    triangles = _array(cut.GetPolys().GetConnectivityArray(), np.int64).reshape(-1, 3)
    fans = triangles if polydata.GetNumberOfStrips() else _fans(polydata.GetPolys())
    return Mesh(_array(points.GetData(), np.float64) * scale, triangles, fans)


def _fans(polygons: Any) -> Ints:
    """Each polygon cut from its first point, as most programs do; VTK cuts by shape."""
    start = _array(polygons.GetOffsetsArray(), np.int64)
    corner = _array(polygons.GetConnectivityArray(), np.int64)
    pieces = np.maximum(np.diff(start) - 2, 0)
    polygon = np.repeat(np.arange(len(pieces)), pieces)
    step = np.arange(len(polygon)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    first = start[polygon]
    return np.stack([corner[first], corner[first + step + 1], corner[first + step + 2]], axis=1)


def _glb_by_vtk(path: Path) -> Iterator[Mesh]:
    """VTK places the nodes, bends skins and applies morph weights; glTF is in metres."""
    reader = _vtk().vtkGLTFReader()
    _update(reader, path)
    leaves = reader.GetOutput().NewIterator()
    while not leaves.IsDoneWithTraversal():
        leaf = leaves.GetCurrentDataObject()
        if leaf.IsA("vtkPolyData") and len((mesh := _mesh(leaf, 1000.0)).triangles):
            yield mesh
        leaves.GoToNextItem()


def _by_lib3mf(path: Path) -> Iterator[Mesh]:
    """Every item of the build, whatever its type: lib3mf leaves that to the caller."""
    wrapper = importlib.import_module("lib3mf").get_wrapper()
    model = wrapper.CreateModel()
    model.QueryReader("3mf").ReadFromFile(str(path))
    unit = _LIB3MF_MM[int(model.GetUnit())]
    items = model.GetBuildItems()
    while items.MoveNext():
        item = items.GetCurrent()
        yield from _objects(model, item.GetObjectResource(), _matrix(item.GetObjectTransform()), unit)


def _objects(model: Any, resource: Any, matrix: Floats, unit: float) -> Iterator[Mesh]:
    if resource.IsMeshObject():
        mesh = model.GetMeshObjectByID(resource.GetResourceID())
        points = _rows(mesh.GetVertices(), np.float32).astype(np.float64)
        triangles = _rows(mesh.GetTriangleIndices(), np.uint32).astype(np.int64)
        if np.linalg.det(matrix[:3]) < 0:
            triangles = triangles[:, ::-1]
        if len(triangles):
            yield Mesh((points @ matrix[:3] + matrix[3]) * unit, triangles, triangles)
    elif resource.IsComponentsObject():
        components = model.GetComponentsObjectByID(resource.GetResourceID())
        for number in range(components.GetComponentCount()):
            component = components.GetComponent(number)
            own = _matrix(component.GetTransform())
            placed = np.vstack([own[:3] @ matrix[:3], own[3] @ matrix[:3] + matrix[3]])
            yield from _objects(model, component.GetObjectResource(), placed, unit)
    else:
        raise Unread("an object that is neither a mesh nor components")


def _rows(structures: list[Any], dtype: Any) -> Any:
    return np.frombuffer(b"".join(structures), dtype=dtype).reshape(-1, 3)


def _matrix(transform: Any) -> Floats:
    """Four rows of three, for row vectors."""
    return np.array([list(row) for row in transform.Fields], dtype=np.float64).reshape(4, 3)
