"""Which triangles are in a model file, in millimetres?"""

import json
import struct
from io import BytesIO
from typing import Any

import numpy as np
import trimesh

from events.model_files import ModelKind
from mes.geometry.answers import Unpriceable
from mes.geometry.parts import Part, check_amount, placed
from mes.geometry.threemf import read_3mf

# What trimesh takes no notice of, though it changes where the points are.
_GLTF_UNREAD = {
    "EXT_mesh_gpu_instancing",
    "EXT_meshopt_compression",
    "KHR_draco_mesh_compression",
    "KHR_mesh_quantization",
    "KHR_meshopt_compression",
}
# glTF is in metres (glTF 2.0, 3.4); its matrices are for column vectors.
_METRES = np.diag([1000.0, 1000.0, 1000.0, 1.0])


def read_parts(data: bytes, kind: ModelKind) -> list[Part]:
    """The meshes of a file, placed. No file that it names (material, texture, buffer) is opened.

    Raises ``Unpriceable``, or whatever a damaged file makes trimesh raise.
    """
    if kind == ModelKind.THREEMF:
        return read_3mf(data)
    options: dict[str, Any] = {"process": False}
    if kind == ModelKind.GLB:
        _check_glb(data)
    if kind == ModelKind.OBJ:
        options["split_objects"] = True
    if kind != ModelKind.STL:
        options["skip_materials"] = True
    # Without a name or a resolver trimesh has nothing to find other files by.
    scene = trimesh.load_scene(BytesIO(data), file_type=str(kind), **options)
    parts: list[Part] = []
    triangles = 0
    for node in scene.graph.nodes_geometry:
        matrix, name = scene.graph[node]
        mesh = scene.geometry[name]
        if isinstance(mesh, trimesh.Trimesh):
            triangles += len(mesh.faces)
            check_amount(triangles, len(parts))
            part = Part(np.asarray(mesh.vertices, dtype=np.float64), np.asarray(mesh.faces, dtype=np.int64))
            parts.append(placed(part, matrix.T @ _METRES) if kind == ModelKind.GLB else part)
    return parts


def _check_glb(data: bytes) -> None:
    """Refuses what trimesh would misread without a word."""
    (length,) = struct.unpack_from("<I", data, 12)
    document = json.loads(data[20 : 20 + length])
    if unread := _GLTF_UNREAD.intersection(document.get("extensionsUsed", [])):
        raise Unpriceable(f"The GLB file uses {min(unread)}, which we can't read. Export it without.")
    if any("uri" in buffer for buffer in document.get("buffers", [])):
        raise Unpriceable("The GLB file keeps its geometry outside itself. Export it as one file.")
    if any("sparse" in accessor for accessor in document.get("accessors", [])):
        raise Unpriceable("The GLB file uses sparse accessors, which we can't read. Export it without them.")
    children = [child for node in document.get("nodes", []) for child in node.get("children", [])]
    if len(children) != len(set(children)):
        raise Unpriceable("The GLB file is damaged: a node has two parents.")
