"""Which meshes does a GLB file show where?

Read here and not by trimesh, which walks up to the root for each node and takes no notice of much that
changes the shape. The format: glTF 2.0, https://registry.khronos.org/glTF.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from mes.geometry.glb_accessors import as_floats, indices, positions
from mes.geometry.glb_container import Glb, Json, refuse_unread, whole
from mes.geometry.glb_nodes import Scene, scene_of
from mes.geometry.glb_skins import Skin
from mes.geometry.parts import Ints, Part, check_amount, missing_points, placed

_TRIANGLES, _STRIP, _FAN = 4, 5, 6
# glTF is in metres with y up (3.4), we are in millimetres with z up. For row vectors.
_TO_MM_Z_UP = np.array(
    [
        [1000.0, 0, 0, 0],
        [0, 0, 1000.0, 0],
        [0, -1000.0, 0, 0],
        [0, 0, 0, 1],
    ]
)


def read_glb(data: bytes) -> list[Part]:
    """What the file's scene shows, in mm and with z up; empty when that is points and lines at most.

    Animations are not played: the rest pose is read. Raises ``Unpriceable``, or whatever a damaged file makes
    it raise.
    """
    glb = Glb(data)
    scene = scene_of(glb)
    skins: dict[int, Skin] = {}
    parts: list[Part] = []
    meshes: dict[tuple[int, tuple[float, ...], int | None], list[Part]] = {}
    triangles = 0
    for node, matrix in scene.meshes:
        skin = _skin(glb, node, scene, skins)
        if skin.is_collapsed if skin else not matrix[:3, :3].any():
            # Scaled to nothing on all axes is a way to hide (3.5.3).
            continue
        mesh = glb.item("meshes", node["mesh"])
        weights = tuple(float(weight) for weight in (node if "weights" in node else mesh).get("weights", []))
        key = node["mesh"], weights, node.get("skin")
        if key not in meshes:
            meshes[key] = _mesh(glb, mesh, weights, skin)
        triangles += sum(len(part.faces) for part in meshes[key])
        check_amount(triangles, len(parts) + len(meshes[key]))
        # Joints place a skinned mesh, and its node does not (3.7.3.2).
        to_scene = np.eye(4) if skin else matrix
        parts.extend(placed(part, to_scene @ _TO_MM_Z_UP) for part in meshes[key])
    return parts


def _skin(glb: Glb, node: Json, scene: Scene, skins: dict[int, Skin]) -> Skin | None:
    """The node's skin, made once for all its nodes, if it has one."""
    if "skin" not in node:
        return None
    index = whole(node["skin"])
    if index not in skins:
        skins[index] = Skin(glb, index, scene.joints)
    return skins[index]


def _mesh(glb: Glb, mesh: Json, weights: tuple[float, ...], skin: Skin | None) -> list[Part]:
    """A mesh's primitives that are surfaces."""
    refuse_unread(mesh.get("extensions", {}))
    parts: list[Part] = []
    triangles = 0
    for primitive in mesh["primitives"]:
        refuse_unread(primitive.get("extensions", {}))
        # Points and lines are no surface, and without positions nothing is drawn (3.7.2.1).
        if (
            primitive.get("mode", _TRIANGLES) in range(_TRIANGLES)
            or "POSITION" not in primitive["attributes"]
        ):
            continue
        part = _primitive(glb, primitive, weights, skin)
        triangles += len(part.faces)
        check_amount(triangles, len(parts) + 1)
        if len(part.faces):
            parts.append(part)
    return parts


def _primitive(glb: Glb, primitive: Json, weights: tuple[float, ...], skin: Skin | None) -> Part:
    where = primitive["attributes"]["POSITION"]
    stored = positions(glb, where)
    order = indices(glb, primitive["indices"]) if "indices" in primitive else np.arange(len(stored))
    check_amount(len(order) // 3 if primitive.get("mode", _TRIANGLES) == _TRIANGLES else len(order) - 2, 0)
    faces = _faces(order, primitive.get("mode", _TRIANGLES))
    if len(faces) and faces.max() >= len(stored):
        raise missing_points()
    used: Any = slice(None)
    if len(stored) > 3 * len(faces):
        # Primitives may share one large table of points: each takes its own from it.
        used, faces = np.unique(faces, return_inverse=True)
        faces = faces.reshape(-1, 3)
    vertices = as_floats(glb, where, stored[used])
    for weight, target in _morphs(primitive, weights):
        moves = positions(glb, target)
        if len(moves) != len(stored):
            raise ValueError("a morph target of another number of points")
        vertices = vertices + weight * as_floats(glb, target, moves[used])
    part = Part(vertices, faces)
    return skin.posed(glb, primitive["attributes"], part, used) if skin else part


def _faces(order: Ints, mode: Any) -> Ints:
    """The triangles (m, 3) of points named in this order: the formulae of 3.7.2.1."""
    if len(order) in (1, 2) or (mode == _TRIANGLES and len(order) % 3):
        raise ValueError("a part of a triangle")
    if mode == _TRIANGLES or not len(order):
        return order.reshape(-1, 3)
    n = np.arange(max(len(order) - 2, 0))
    if mode == _STRIP:
        return np.stack([order[n], order[n + 1 + n % 2], order[n + 2 - n % 2]], axis=1)
    if mode == _FAN:
        return np.stack([order[n + 1], order[n + 2], np.broadcast_to(order[0], n.shape)], axis=1)
    raise ValueError("a primitive of unknown mode")


def _morphs(primitive: Json, weights: tuple[float, ...]) -> Iterator[tuple[float, Any]]:
    """Weights that are not zero, and the accessors of what they move the points by (3.7.2.2)."""
    targets = primitive.get("targets", [])
    if weights and len(weights) != len(targets):
        raise ValueError("not a weight for each morph target")
    for weight, target in zip(weights, targets, strict=False):
        if weight and "POSITION" in target:
            yield weight, target["POSITION"]
