"""Does a mesh with a skin stand where its joints put it, as glTF 2.0 says in 3.7.3?"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from events.model_files import ModelKind
from mes.geometry.answers import Unpriceable
from mes.geometry.glb import read_glb
from mes.geometry.measuring import measure_here
from tests.mes.geometry.written_glb import CORNERS, CUBE, Written, box_of, volume

_LOW, _HIGH = CORNERS[:, 1] == 0, CORNERS[:, 1] == 1
_FIRST = [[0, 0, 0, 0]] * 8
_WHOLE = [[1, 0, 0, 0]] * 8
_LARGEST = {"f4": 1, "u1": 255, "u2": 65535}


def bound(
    joints: Any = _FIRST, weights: Any = _WHOLE, joint_type: str = "u1", weight_type: str = "f4"
) -> Written:
    """The cube of 10 mm with joints for its eight corners, in sets of four; no skin yet."""
    written = Written()
    attributes = written.document["meshes"][0]["primitives"][0]["attributes"]
    joints, weights = np.array(joints), np.round(np.array(weights) * _LARGEST[weight_type], 6)
    more = {} if weight_type == "f4" else {"normalized": True}
    for n in range(joints.shape[1] // 4):
        four = slice(4 * n, 4 * n + 4)
        attributes[f"JOINTS_{n}"] = written.accessor(joints[:, four], joint_type, "VEC4")
        attributes[f"WEIGHTS_{n}"] = written.accessor(weights[:, four], weight_type, "VEC4", **more)
    return written


def skinned(written: Written, *joints: dict[str, Any], **skin: Any) -> Written:
    """Node 0 shows the mesh by a skin whose joints are the nodes from 1 on, all in the scene."""
    written.show({"mesh": 0, "skin": 0}, *joints, roots=tuple(range(len(joints) + 1)))
    written.document["skins"] = [{"joints": list(range(1, len(joints) + 1)), **skin}]
    return written


def moved(x: float = 0, y: float = 0, z: float = 0) -> list[float]:
    """A matrix as glTF writes it."""
    return [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, x, y, z, 1]


# -- Where points are put ---------------------------------------------------------------------------------


def test_the_node_of_a_skinned_mesh_and_all_above_it_are_ignored() -> None:
    for scale in (100, 0):
        written = bound()
        above = {"children": [0], "translation": [5, 5, 5]}
        written.show(
            {"mesh": 0, "skin": 0, "scale": [scale] * 3}, {"translation": [0, 0.1, 0]}, above, roots=(1, 2)
        )
        written.document["skins"] = [{"joints": [1]}]

        assert box_of(read_glb(written.bytes())) == ([0, -10, 100], [10, 0, 110])


def test_points_go_to_the_joint_as_it_was_bound_and_then_where_it_is() -> None:
    written = bound()
    inverse = written.accessor([moved(-0.01), moved(99)], "f4", "MAT4")
    # In glTF's axes: x from -10 to 0 mm, 5 mm on, twice as large; turned about z, x becomes y.
    half = 0.5**0.5
    written.show(
        {"mesh": 0, "skin": 0},
        {"children": [2], "rotation": [0, 0, half, half], "scale": [2, 2, 2]},
        {"translation": [0.005, 0, 0]},
        roots=(0, 1),
    )
    written.document["skins"] = [{"joints": [2], "inverseBindMatrices": inverse}]
    parts = read_glb(written.bytes())

    assert box_of(parts) == ([-20, -20, -10], [0, 0, 10])
    assert volume(parts) == pytest.approx(8000, rel=1e-5)


@pytest.mark.parametrize("joint_type", ["u1", "u2"])
@pytest.mark.parametrize("weight_type", ["f4", "u1", "u2"])
def test_a_point_of_two_joints_is_moved_by_the_share_of_each(joint_type: str, weight_type: str) -> None:
    weights = np.where(_HIGH[:, None], [0.4, 0.6, 0, 0], [1, 0, 0, 0])
    written = bound([[0, 1, 0, 0]] * 8, weights, joint_type, weight_type)
    parts = read_glb(skinned(written, {}, {"translation": [0, 0.05, 0]}).bytes())

    assert box_of(parts) == ([0, -10, 0], [10, 0, 40])
    assert volume(parts) == pytest.approx(4000, rel=1e-5)


def test_further_sets_of_joints_count_as_the_first_does() -> None:
    joints = [[0, 0, 0, 0, 1, 2, 0, 0]] * 8
    weights = np.where(_HIGH[:, None], [0.5, 0, 0, 0, 0.25, 0.25, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0])
    written = bound(joints, weights)
    parts = read_glb(skinned(written, {}, {"translation": [0, 0.04, 0]}, {"scale": [1, 5, 1]}).bytes())

    # The high corners: half stay at 10 mm, a quarter goes to 50 mm and another to 50 mm.
    assert box_of(parts) == ([0, -10, 0], [10, 0, 30])


def test_morph_targets_come_before_the_joints() -> None:
    written = bound()
    primitive = written.document["meshes"][0]["primitives"][0]
    primitive["targets"] = [{"POSITION": written.accessor(CORNERS * (0, 0.01, 0), "f4")}]
    written.document["meshes"][0]["weights"] = [1]

    assert box_of(read_glb(skinned(written, {"scale": [1, 3, 1]}).bytes()))[1] == [10, 0, 60]


def test_one_mesh_may_stand_in_many_nodes_with_and_without_skins() -> None:
    nodes: list[dict[str, Any]] = [
        {"mesh": 0},
        {"mesh": 0, "skin": 0},
        {"mesh": 0, "skin": 1},
        {"mesh": 0, "skin": 1},
        {"scale": [2, 2, 2]},
        {"scale": [3, 3, 3]},
    ]
    written = bound().show(*nodes, roots=(0, 1, 2, 3, 4, 5))
    written.document["skins"] = [{"joints": [4]}, {"joints": [5]}]
    parts = read_glb(written.bytes())

    assert [volume([part]) for part in parts] == pytest.approx([1000, 8000, 27000, 27000], rel=1e-5)


def test_a_skin_that_mirrors_faces_outwards() -> None:
    assert volume(read_glb(skinned(bound(), {"scale": [-1, 1, 1]}).bytes())) == pytest.approx(1000, rel=1e-5)


def test_points_that_were_one_stay_one() -> None:
    written = bound()
    corners = CUBE.ravel()
    weights = np.stack([1 - CORNERS @ (0.1, 0.2, 0.3), CORNERS @ (0.1, 0.2, 0.3)], axis=1)[corners]
    written.document["meshes"][0]["primitives"] = [
        {
            "attributes": {
                "POSITION": written.accessor(CORNERS[corners] * 0.01, "f4"),
                "JOINTS_0": written.accessor([[0, 1, 0, 0]] * 36, "u1", "VEC4"),
                "WEIGHTS_0": written.accessor(np.pad(weights, ((0, 0), (0, 2))), "f4", "VEC4"),
            }
        }
    ]
    turn = [0.2, 0.4, 0.4, 0.8]
    (part,) = read_glb(skinned(written, {"rotation": turn}, {"translation": [0.003, 0.001, 0]}).bytes())

    assert len(np.unique(part.vertices, axis=0)) == 8


def test_primitives_that_share_one_table_of_points_share_that_of_joints() -> None:
    count = 50
    written = Written()
    attributes = {
        "POSITION": written.accessor(np.tile(CORNERS * 0.01, (count, 1)), "f4"),
        "JOINTS_0": written.accessor(np.repeat(np.arange(count), 8)[:, None] * (1, 0, 0, 0), "u1", "VEC4"),
        "WEIGHTS_0": written.accessor(_WHOLE * count, "f4", "VEC4"),
    }
    written.document["meshes"][0]["primitives"] = [
        {"attributes": attributes, "indices": written.accessor(CUBE.ravel() + 8 * n, "u2", "SCALAR")}
        for n in range(count)
    ]
    parts = read_glb(skinned(written, *({"translation": [0.1 * n, 0, 0]} for n in range(count))).bytes())

    assert [box_of([part])[0] for part in parts] == [[100 * n, -10, 0] for n in range(count)]


# -- What is shown ----------------------------------------------------------------------------------------


def test_joints_need_not_be_visible_but_the_mesh_must() -> None:
    hidden = {"extensions": {"KHR_node_visibility": {"visible": False}}}
    for mesh, joint, shown in (({}, hidden, 1), (hidden, {}, 0)):
        written = bound().show(
            {"mesh": 0, "skin": 0, **mesh}, {"children": [2], **joint}, {"scale": [2, 2, 2]}, roots=(0, 1)
        )
        written.document.update(skins=[{"joints": [2]}], extensionsUsed=["KHR_node_visibility"])
        assert volume(read_glb(written.bytes())) == pytest.approx(8000 * shown, rel=1e-5)


def test_a_skin_with_all_joints_scaled_to_nothing_hides_the_mesh() -> None:
    nothing, moved_away = {"scale": [0, 0, 0]}, {"scale": [0, 0, 0], "translation": [9, 0, 0]}
    assert read_glb(skinned(bound(), nothing, moved_away).bytes()) == []
    assert len(read_glb(skinned(bound(), nothing, {}).bytes())) == 1


# -- What is refused --------------------------------------------------------------------------------------


def test_weights_that_miss_one_by_rounding_are_scaled_to_it() -> None:
    written = bound([[0, 1, 0, 0]] * 8, [[127 / 255, 127 / 255, 0, 0]] * 8, weight_type="u1")
    parts = read_glb(skinned(written, {}, {"translation": [0.02, 0, 0]}).bytes())

    assert box_of(parts) == ([10, -10, 0], [20, 0, 10])
    assert volume(parts) == pytest.approx(1000, rel=1e-5)


@pytest.mark.parametrize("weights", [[0, 0, 0, 0], [0.9, 0, 0, 0], [1, 1, 0, 0], [np.nan, 0, 0, 0]])
def test_points_that_are_not_wholly_bound_are_refused_by_name_unless_unused(weights: list[float]) -> None:
    written = skinned(bound(weights=[*_WHOLE[:7], weights]), {})
    with pytest.raises(Unpriceable, match="posed by a skeleton"):
        measure_here(written.bytes(), ModelKind.GLB)

    written.document["meshes"][0]["primitives"][0]["indices"] = written.accessor(
        [face for face in CUBE if 7 not in face], "u2", "SCALAR"
    )
    assert len(read_glb(written.bytes())) == 1


def test_joints_outside_the_scene_are_refused_by_name() -> None:
    written = skinned(bound(), {}, {})
    written.document["scenes"] = [{"nodes": [0, 1]}]
    with pytest.raises(Unpriceable, match="posed by a skeleton"):
        measure_here(written.bytes(), ModelKind.GLB)


def test_a_skin_that_nothing_uses_is_no_matter() -> None:
    written = bound()
    written.document["skins"] = [{"joints": [7]}, {}]
    assert len(read_glb(written.bytes())) == 1


def _primitive(written: Written) -> dict[str, Any]:
    found: dict[str, Any] = written.document["meshes"][0]["primitives"][0]["attributes"]
    return found


def _attribute(name: str, values: Any, dtype: str, kind: str = "VEC4", **more: Any) -> Callable[..., None]:
    return lambda written: _primitive(written).update({name: written.accessor(values, dtype, kind, **more)})


def _inverse(values: Any, dtype: str = "f4", kind: str = "MAT4") -> Callable[..., None]:
    return lambda written: written.document["skins"][0].update(
        inverseBindMatrices=written.accessor(values, dtype, kind)
    )


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(_attribute("JOINTS_0", [*_FIRST[:7], [2, 0, 0, 0]], "u1"), id="joint beyond the list"),
        pytest.param(_attribute("JOINTS_0", _FIRST[:7], "u1"), id="fewer joints than points"),
        pytest.param(_attribute("JOINTS_0", _FIRST, "f4"), id="joints of floats"),
        pytest.param(_attribute("JOINTS_0", _FIRST, "u1", normalized=True), id="normalized joints"),
        pytest.param(_attribute("JOINTS_0", np.zeros((8, 3)), "u1", "VEC3"), id="three joints"),
        pytest.param(_attribute("WEIGHTS_0", _WHOLE + _WHOLE, "f4"), id="more weights than points"),
        pytest.param(_attribute("WEIGHTS_0", _WHOLE, "u1"), id="bytes that are not normalized"),
        pytest.param(_attribute("WEIGHTS_0", [[2, -1, 0, 0]] * 8, "f4"), id="negative weight"),
        pytest.param(_attribute("WEIGHTS_0", [[1, 0, 0]] * 8, "f4", "VEC3"), id="three weights"),
        pytest.param(_attribute("JOINTS_1", _FIRST, "u1"), id="joints without weights"),
        pytest.param(_attribute("WEIGHTS_1", _WHOLE, "f4"), id="weights without joints"),
        pytest.param(lambda written: _primitive(written).pop("JOINTS_0"), id="no joints"),
        pytest.param(
            lambda written: [_primitive(written).pop(name) for name in ("JOINTS_0", "WEIGHTS_0")],
            id="neither joints nor weights",
        ),
        pytest.param(_inverse([moved()]), id="fewer matrices than joints"),
        pytest.param(_inverse([moved(np.inf)] * 2), id="an endless matrix"),
        pytest.param(_inverse([[*moved()[:3], 0.5, *moved()[4:]]] * 2), id="a perspective"),
        pytest.param(_inverse([[0] * 16] * 2, "u2"), id="matrices of integers"),
        pytest.param(_inverse([[0] * 4] * 2, "f4", "VEC4"), id="matrices of four"),
        pytest.param(lambda written: written.document["skins"][0].update(joints=[]), id="no list"),
        pytest.param(lambda written: written.document["skins"][0].update(joints=[1, 9]), id="no node"),
        pytest.param(lambda written: written.document["skins"][0].pop("joints"), id="nothing in the skin"),
        pytest.param(lambda written: written.document["nodes"][0].update(skin=1), id="no skin"),
        pytest.param(lambda written: written.document["nodes"][0].update(skin=None), id="null"),
    ],
)
def test_a_damaged_skin_is_refused(damage: Callable[[Written], Any]) -> None:
    written = skinned(bound(), {}, {})
    assert volume(read_glb(written.bytes())) == pytest.approx(1000, rel=1e-5)

    damage(written)
    with pytest.raises(Unpriceable, match="damaged"):
        measure_here(written.bytes(), ModelKind.GLB)
