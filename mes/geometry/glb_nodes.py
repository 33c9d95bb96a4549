"""Where does a GLB file's scene place its nodes?

The format: glTF 2.0, 3.5 (scenes, nodes and their transformations) and KHR_node_visibility.
"""

from dataclasses import dataclass

import numpy as np

from mes.geometry.answers import Unpriceable
from mes.geometry.glb_container import Glb, Json, refuse_unread
from mes.geometry.parts import Floats

# Rotations are unit quaternions, written with few digits.
_ROUNDING = 0.01


@dataclass(frozen=True)
class Scene:
    """What a scene shows: nodes with meshes, and of those that are joints of skins, by their index, whether
    shown or not. Each with its global transform: 4 x 4, for row vectors."""

    meshes: list[tuple[Json, Floats]]
    joints: dict[int, Floats]


def scene_of(glb: Glb) -> Scene:
    """The scene that the file shows.

    Each transform is the node's own after its parent's, so that a chain of nodes takes as long as a row of
    them. Raises ``Unpriceable``, or ``ValueError`` for nodes that are no trees.
    """
    nodes, scene = glb.document.get("nodes", []), Scene([], {})
    joints = {joint for skin in glb.document.get("skins", []) for joint in skin.get("joints", [])}
    waiting = [(index, np.eye(4), True) for index in reversed(_roots(glb, _parents(glb)))]
    while waiting:
        index, outer, is_visible = waiting.pop()
        node = nodes[index]
        extensions = node.get("extensions", {})
        if is_visible:
            refuse_unread(extensions)
            is_visible = extensions.get("KHR_node_visibility", {}).get("visible", True)
        if not is_visible and not joints:
            continue
        matrix = _matrix(node) @ outer
        if index in joints:
            scene.joints[index] = matrix
        if is_visible and "mesh" in node:
            scene.meshes.append((node, matrix))
        waiting.extend((child, matrix, is_visible) for child in reversed(node.get("children", [])))
    return scene


def _parents(glb: Glb) -> dict[int, int]:
    """Each child's parent. Raises for two parents and for nodes that are their own ancestors (3.5.2)."""
    nodes = glb.document.get("nodes", [])
    parents: dict[int, int] = {}
    for parent, node in enumerate(nodes):
        for child in node.get("children", []):
            glb.item("nodes", child)
            if child in parents:
                raise Unpriceable("The GLB file is damaged: a node has two parents.")
            parents[child] = parent
    found = [index for index in range(len(nodes)) if index not in parents]
    for index in found:
        found.extend(nodes[index].get("children", []))
    if len(found) != len(nodes):
        raise ValueError("nodes in a circle")
    return parents


def _roots(glb: Glb, parents: dict[int, int]) -> list[int]:
    """The root nodes of the scene to show.

    Where the file names none of several, programs disagree: the specification lets them wait for a choice
    (3.5.1), which we don't make for the client. A file without scenes is a library by the specification; it
    shows all its nodes, for there is nothing to choose.
    """
    scenes = glb.document.get("scenes", [])
    if not scenes:
        return [index for index in range(len(glb.document.get("nodes", []))) if index not in parents]
    if "scene" not in glb.document and len(scenes) > 1:
        raise Unpriceable("The GLB file holds several scenes and doesn't say which to show. Export only one.")
    roots = glb.item("scenes", glb.document.get("scene", 0)).get("nodes", [])
    for root in roots:
        glb.item("nodes", root)
    if len(set(roots)) != len(roots):
        raise ValueError("a scene's nodes are there once each")
    _check_ancestors(glb, roots, parents)
    return list(roots)


def _check_ancestors(glb: Glb, roots: list[int], parents: dict[int, int]) -> None:
    """A scene's nodes must have no parents (3.5.1). Unity's exporter gives them one outside the scene, which
    changes nothing as long as it moves nothing."""
    shown, checked = set(roots), set[int]()
    for node in roots:
        while (node := parents.get(node, -1)) >= 0 and node not in checked:
            if node in shown or not np.array_equal(_matrix(glb.item("nodes", node)), np.eye(4)):
                raise ValueError("a scene's node is placed by another one")
            checked.add(node)


def _matrix(node: Json) -> Floats:
    """The node's own transform for row vectors: its matrix, or scale, then rotation, then translation."""
    if "matrix" in node:
        if {"translation", "rotation", "scale"} & node.keys():
            raise ValueError("a node has both a matrix and its parts")
        # Written column by column for column vectors, which is row by row for row vectors.
        return affine(_numbers(node["matrix"], 16).reshape(4, 4))
    matrix = np.eye(4)
    matrix[:3, :3] = np.diag(_numbers(node.get("scale", [1, 1, 1]), 3)) @ _rotation(node)
    matrix[3, :3] = _numbers(node.get("translation", [0, 0, 0]), 3)
    return matrix


def affine(matrices: Floats) -> Floats:
    """Matrices (..., 4, 4) for row vectors, without what rounding left of a perspective in the last column.

    Raises ``ValueError`` for a perspective.
    """
    if not np.allclose(matrices[..., 3], (0, 0, 0, 1), rtol=0, atol=1e-6):
        raise ValueError("a matrix with a perspective")
    matrices[..., 3] = (0, 0, 0, 1)
    return matrices


def _rotation(node: Json) -> Floats:
    """The rotation of a unit quaternion (x, y, z, w), for row vectors."""
    if "rotation" not in node:
        return np.eye(3)
    quaternion = _numbers(node["rotation"], 4)
    length = np.linalg.norm(quaternion)
    if abs(length - 1) > _ROUNDING:
        raise ValueError("a rotation is no unit quaternion")
    x, y, z, w = quaternion / length
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)],
            [2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)],
            [2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def _numbers(values: list[float], count: int) -> Floats:
    found = np.array(values, dtype=np.float64)
    if found.shape != (count,) or not np.isfinite(found).all():
        raise ValueError("not as many numbers as there should be")
    return found
