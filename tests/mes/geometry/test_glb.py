"""Is what a GLB file's scene shows read as glTF 2.0 says?"""

import time
from typing import Any

import numpy as np
import pytest

from events.model_files import ModelKind
from mes.geometry.answers import Unpriceable
from mes.geometry.glb import read_glb
from mes.geometry.measuring import measure_here
from tests.mes.geometry.written_glb import CORNERS, CUBE, Written, box_of, volume

# -- Axes, units and nodes --------------------------------------------------------------------------------


def test_what_is_up_in_gltf_is_up_in_millimetres() -> None:
    written = Written()
    points = CORNERS * (0.001, 0.002, 0.003) + (0.01, 0.02, 0.03)
    written.document["meshes"][0]["primitives"] = [written.primitive(points, CUBE.ravel())]
    parts = read_glb(written.bytes())

    # Its x stays, its y is our z, its z comes towards us, which is our -y.
    assert box_of(parts) == ([10, -33, 20], [11, -30, 22])
    assert volume(parts) == pytest.approx(6, rel=1e-5)


def test_a_mesh_is_placed_by_its_node_and_all_nodes_above_it() -> None:
    half = 0.5**0.5
    written = Written().show(
        {"children": [1], "translation": [0, 1, 0], "scale": [2, 2, 2]},
        {"children": [2], "rotation": [0, 0, half, half]},
        {"mesh": 0, "matrix": [1, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1, 0, 0.1, 0, 0, 1]},
    )
    parts = read_glb(written.bytes())

    # In glTF's axes: 10 x 30 x 10 mm at x = 100, a quarter turn about z, twice as large, lifted by a metre.
    assert box_of(parts) == ([-60, -20, 1200], [0, 0, 1220])
    assert volume(parts) == pytest.approx(8 * 3000, rel=1e-5)


def test_a_mirrored_node_faces_outwards_and_one_mesh_may_stand_in_many_nodes() -> None:
    nodes: list[dict[str, Any]] = [
        {"mesh": 0},
        {"mesh": 0, "scale": [-1, 1, 1]},
        {"mesh": 0, "scale": [-2, -2, -2]},
    ]
    written = Written().show(*nodes, roots=(0, 1, 2))

    assert volume(read_glb(written.bytes())) == pytest.approx(1000 + 1000 + 8000, rel=1e-5)


def test_a_camera_or_a_light_beside_a_mesh_does_not_hide_it() -> None:
    written = Written().show(
        {"mesh": 0, "camera": 0},
        {"mesh": 0, "extensions": {"KHR_lights_punctual": {"light": 0}}},
        roots=(0, 1),
    )
    written.document.update(
        cameras=[{"type": "perspective", "perspective": {"yfov": 1, "znear": 1}}],
        extensionsUsed=["KHR_lights_punctual"],
        extensionsRequired=["KHR_lights_punctual"],
    )
    assert volume(read_glb(written.bytes())) == pytest.approx(2000, rel=1e-5)


def test_two_thousand_nodes_in_a_chain_take_no_longer_than_a_row_of_them() -> None:
    chain: list[dict[str, Any]] = [{"children": [n + 1], "translation": [0.001, 0, 0]} for n in range(2000)]
    data = Written().show(*chain, {"mesh": 0}).bytes()
    begun = time.process_time()
    parts = read_glb(data)

    assert time.process_time() - begun < 2
    assert box_of(parts)[0] == [2000, -10, 0]


def test_nodes_outside_the_scene_are_not_shown() -> None:
    written = Written().show({"mesh": 0}, {"mesh": 0}, {"mesh": 0}, roots=(1,))

    assert len(read_glb(written.bytes())) == 1


def test_the_one_scene_is_shown_where_none_is_named() -> None:
    written = Written()
    del written.document["scene"]

    assert len(read_glb(written.bytes())) == 1


def test_a_named_scene_is_shown_of_several_and_to_choose_one_is_left_to_the_client() -> None:
    written = Written()
    written.document.update(scenes=[{"nodes": []}, {"nodes": [0]}], scene=1)
    assert len(read_glb(written.bytes())) == 1

    del written.document["scene"]
    with pytest.raises(Unpriceable, match="several scenes"):
        read_glb(written.bytes())


def test_a_file_without_scenes_shows_all_its_nodes() -> None:
    written = Written().show({"children": [1]}, {"mesh": 0}, {"mesh": 0})
    del written.document["scenes"], written.document["scene"]

    assert len(read_glb(written.bytes())) == 2


def test_a_node_scaled_to_nothing_or_said_to_be_invisible_hides_all_below_it() -> None:
    hidden = {"extensions": {"KHR_node_visibility": {"visible": False}}}
    written = Written().show(
        {"mesh": 0},
        {"mesh": 0, "children": [3], **hidden},
        {"children": [4], "scale": [0, 0, 0]},
        {"mesh": 0},
        {"mesh": 0},
        {"mesh": 0, "extensions": {"KHR_node_visibility": {"visible": True}}},
        roots=(0, 1, 2, 5),
    )
    written.document.update(
        extensionsUsed=["KHR_node_visibility"], extensionsRequired=["KHR_node_visibility"]
    )

    assert len(read_glb(written.bytes())) == 2


def test_a_scene_may_name_a_node_whose_parents_move_nothing() -> None:
    still = {"children": [1], "translation": [0, 0, 0], "rotation": [0, 0, 0, 1], "scale": [1, 1, 1]}
    assert len(read_glb(Written().show(still, {"mesh": 0}, roots=(1,)).bytes())) == 1

    for parent, roots in (({"children": [1], "scale": [2, 2, 2]}, (1,)), (still, (0, 1))):
        with pytest.raises(ValueError, match="placed by another"):
            read_glb(Written().show(parent, {"mesh": 0}, roots=roots).bytes())


def test_nodes_that_are_no_tree_are_refused() -> None:
    two_parents = Written().show({"children": [1, 2]}, {"children": [2]}, {"mesh": 0})
    with pytest.raises(Unpriceable, match="two parents"):
        read_glb(two_parents.bytes())
    circle = Written().show({"mesh": 0}, {"children": [2]}, {"children": [1]})
    with pytest.raises(ValueError, match="circle"):
        read_glb(circle.bytes())


# -- Primitives -------------------------------------------------------------------------------------------


def fan_solid(written: Written) -> list[dict[str, Any]]:
    """A pyramid over a square of 20 mm, 15 mm high, of two fans: its sides and its base."""
    square = np.array([[1, 0, 1], [1, 0, -1], [-1, 0, -1], [-1, 0, 1]]) * 0.01
    sides = np.concatenate([[[0, 0.015, 0]], square, square[:1]])
    base = square[::-1]
    return [written.primitive(sides, mode=6), written.primitive(base, mode=6)]


def test_triangle_fans_are_read_alone_and_beside_triangles() -> None:
    written = Written()
    written.document["meshes"][0]["primitives"] = fan_solid(written)
    assert volume(read_glb(written.bytes())) == pytest.approx(2000, rel=1e-5)

    written = Written()
    written.document["meshes"][0]["primitives"] += fan_solid(written)
    assert volume(read_glb(written.bytes())) == pytest.approx(1000 + 2000, rel=1e-5)


@pytest.mark.parametrize("index_type", [None, "u1", "u2", "u4"])
def test_every_other_triangle_of_a_strip_is_turned(index_type: str | None) -> None:
    # A tetrahedron is one strip of its four corners and the first two again.
    corners = np.array([[0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]) * 0.01
    order = [0, 1, 2, 3, 0, 1]
    written = Written()
    strip = (
        written.primitive(corners[order], mode=5)
        if index_type is None
        else written.primitive(corners, order, mode=5, index_type=index_type)
    )
    written.document["meshes"][0]["primitives"] = [strip]

    assert volume(read_glb(written.bytes())) == pytest.approx(1000 / 6, rel=1e-5)


def test_points_and_lines_are_no_surface() -> None:
    written = Written()
    primitives = [written.primitive(CORNERS, mode=mode) for mode in range(4)]
    written.document["meshes"][0]["primitives"] = primitives
    assert read_glb(written.bytes()) == []
    with pytest.raises(Unpriceable, match="no triangles"):
        measure_here(written.bytes(), ModelKind.GLB)

    written.document["meshes"][0]["primitives"].append(written.primitive(CORNERS * 0.01, CUBE.ravel()))
    assert volume(read_glb(written.bytes())) == pytest.approx(1000, rel=1e-5)


def test_primitives_that_share_one_table_of_points_take_their_own_from_it() -> None:
    written = Written()
    table = np.concatenate([CORNERS * 0.01 + (n, 0, 0) for n in range(50)])
    points = written.accessor(table, "f4")
    written.document["meshes"][0]["primitives"] = [
        {
            "attributes": {"POSITION": points},
            "indices": written.accessor(CUBE.ravel() + 8 * n, "u2", "SCALAR"),
        }
        for n in range(50)
    ]
    parts = read_glb(written.bytes())

    assert [len(part.vertices) for part in parts] == [8] * 50
    # Single floats a metre away from the origin know 0.1 micrometres.
    assert volume(parts) == pytest.approx(50_000, rel=1e-3)


def test_morph_targets_move_the_points_by_the_weights_of_the_node_or_else_of_the_mesh() -> None:
    written = Written()
    primitive = {**written.primitive(CORNERS * 0.01, CUBE.ravel())}
    primitive["targets"] = [{"POSITION": written.accessor(CORNERS * 0.01, "f4")}, {"NORMAL": 0}]
    mesh = written.mesh(primitive, weights=[1, 0.5])
    still = written.mesh(primitive)
    written.show({"mesh": mesh}, {"mesh": mesh, "weights": [0, 0]}, {"mesh": still}, roots=(0, 1, 2))
    parts = read_glb(written.bytes())

    assert [volume([part]) for part in parts] == pytest.approx([8000, 1000, 1000], rel=1e-5)


def test_an_animation_is_not_played() -> None:
    written = Written()
    times = written.accessor([0, 1], "f4", "SCALAR")
    sizes = written.accessor([[1, 1, 1], [9, 9, 9]], "f4")
    written.document["animations"] = [
        {
            "channels": [{"sampler": 0, "target": {"node": 0, "path": "scale"}}],
            "samplers": [{"input": times, "output": sizes}],
        }
    ]
    assert volume(read_glb(written.bytes())) == pytest.approx(1000, rel=1e-5)
