"""Where do the joints of a skin put a mesh?

The format: glTF 2.0, 3.7.3 (skins), https://registry.khronos.org/glTF.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from mes.geometry.answers import Unpriceable
from mes.geometry.glb_accessors import as_floats, joint_rows, joint_weights, matrices
from mes.geometry.glb_container import Glb, Json, refuse_unread
from mes.geometry.glb_nodes import affine
from mes.geometry.parts import Floats, Part

# A point's weights sum to one, or nearly: eight of them rounded to bytes may be off by 8 * 0.5 / 255. Viewers
# scale them to one.
_ROUNDING = 0.02
# Points moved at once: their matrices of 96 bytes each stay in a processor's cache.
_AT_ONCE = 2**14


class Skin:
    """A skin in the rest pose of the scene: for each of its joints a matrix, from the mesh to the scene.

    ``transforms`` are the global ones of the scene's joints, by their nodes. ``is_collapsed``: all joints are
    scaled to nothing. Raises ``Unpriceable``, or whatever a damaged file makes it raise.
    """

    def __init__(self, glb: Glb, index: Any, transforms: Mapping[int, Floats]) -> None:
        skin = glb.item("skins", index)
        refuse_unread(skin.get("extensions", {}))
        nodes = skin["joints"]
        if not nodes:
            raise ValueError("a skin without joints")
        for node in nodes:
            glb.item("nodes", node)
            if node not in transforms:
                # It must stand in the scene (3.7.3.2). Where it doesn't, some programs place it as if it did,
                # and others not at all.
                raise _refusal()
        self._matrices = np.array([transforms[node] for node in nodes])
        if "inverseBindMatrices" in skin:
            # From the mesh to the joint; where there are none, they are the same.
            to_joints = affine(matrices(glb, skin["inverseBindMatrices"], len(nodes)))
            self._matrices = to_joints @ self._matrices
        self.is_collapsed = not self._matrices[:, :3, :3].any()

    def posed(self, glb: Glb, attributes: Json, part: Part, used: Any) -> Part:
        """A primitive's part as the joints bend it, by the weights among the primitive's attributes.

        ``used``: which of the primitive's points the part has.
        """
        tables = [
            (joints[used], kept[used], accessor) for joints, kept, accessor in _influences(glb, attributes)
        ]
        vertices = np.empty_like(part.vertices)
        is_free = np.zeros(len(vertices), dtype=bool)
        for start in range(0, len(vertices), _AT_ONCE):
            rows = slice(start, start + _AT_ONCE)
            joints = np.concatenate([found[rows] for found, _, _ in tables], axis=1)
            weights = np.concatenate([as_floats(glb, where, kept[rows]) for _, kept, where in tables], axis=1)
            if joints.max() >= len(self._matrices) or weights.min() < 0:
                raise ValueError("a joint that is not there, or one of negative weight")
            sums = weights.sum(axis=1)
            # Turned round, so that it holds for sums that are no numbers.
            is_free[rows] = ~(abs(sums - 1) <= _ROUNDING)
            weights /= np.where(is_free[rows], 1, sums)[:, None]
            vertices[rows] = self._moved(part.vertices[rows], joints, weights)
        if is_free.any() and is_free[part.faces].any():
            # Programs disagree about points that no joint holds, or not wholly.
            raise _refusal()
        is_mirrored = (np.linalg.det(self._matrices[:, :3, :3]) < 0).all()
        return Part(vertices, part.faces[:, ::-1] if is_mirrored else part.faces)

    def _moved(self, points: Floats, joints: npt.NDArray[Any], weights: Floats) -> Floats:
        """Each point moved by the weighted sum of its joints' matrices."""
        blended = np.zeros((len(points), 4, 3))
        for joint, weight in zip(joints.T, weights.T, strict=True):
            if weight.any():
                blended += weight[:, None, None] * self._matrices[joint, :, :3]
        # Column by column, so that equal points stay equal (see ``placed``).
        x, y, z = points.T[:, :, None]
        moved: Floats = x * blended[:, 0] + y * blended[:, 1] + z * blended[:, 2] + blended[:, 3]
        return moved


def _influences(glb: Glb, attributes: Json) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any], Any]]:
    """Each set of four joints a point: the joints, and the weights as they are stored, with their accessor.

    Raises ``ValueError`` where there are none, or not for each joint and point (3.7.3.3).
    """
    names = {name for name in attributes if name.startswith(("JOINTS_", "WEIGHTS_"))}
    sets = range(len(names) // 2)
    if not names or names != {f"{kind}_{n}" for kind in ("JOINTS", "WEIGHTS") for n in sets}:
        raise ValueError("not as many sets of weights as of joints")
    points = glb.item("accessors", attributes["POSITION"])["count"]
    for n in sets:
        joints = joint_rows(glb, attributes[f"JOINTS_{n}"])
        weights = joint_weights(glb, attributes[f"WEIGHTS_{n}"])
        if not len(joints) == len(weights) == points:
            raise ValueError("not joints for each point")
        yield joints, weights, attributes[f"WEIGHTS_{n}"]


def _refusal() -> Unpriceable:
    return Unpriceable(
        "The GLB file is posed by a skeleton, which we can't read. Apply the armature and export it again."
    )
