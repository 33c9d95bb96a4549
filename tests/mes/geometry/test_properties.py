"""Does a solid keep its volume however its mesh is written?"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from manifold3d import Manifold

from mes.geometry.answers import Solid
from mes.geometry.parts import Floats, Part, joined
from mes.geometry.solid import solid_of

Dice = np.random.Generator


@dataclass
class Example:
    """A solid whose volume is known, as one or more parts."""

    parts: list[Part]
    volume: float


def _part(manifold: Manifold) -> Part:
    mesh = manifold.to_mesh64()
    return Part(
        np.array(mesh.vert_properties[:, :3], dtype=np.float64), np.array(mesh.tri_verts, dtype=np.int64)
    )


def _box(dice: Dice) -> Manifold:
    return Manifold.cube(dice.uniform(1, 5, 3).tolist(), True)


def _ball(dice: Dice) -> Manifold:
    return Manifold.sphere(dice.uniform(1, 3), int(dice.integers(2, 7)) * 4)


def _ring(dice: Dice) -> Manifold:
    tube = Manifold.cylinder(
        dice.uniform(1, 2), dice.uniform(3, 4), circular_segments=int(dice.integers(5, 40))
    )
    return tube - Manifold.cylinder(9, dice.uniform(1, 2), circular_segments=12).translate([0, 0, -1])


def _hull(dice: Dice) -> Manifold:
    return Manifold.hull_points(dice.normal(size=(int(dice.integers(8, 40)), 3)))


def _carved(dice: Dice) -> Manifold:
    """What boolean operations leave, with all their slivers."""
    solid = _box(dice) + _ball(dice).translate(dice.uniform(-2, 2, 3).tolist())
    return solid - _hull(dice).translate(dice.uniform(-2, 2, 3).tolist())


def _hollow(dice: Dice) -> Manifold:
    return Manifold.cube([8, 8, 8], True) - _ball(dice).translate(dice.uniform(-0.5, 0.5, 3).tolist())


def _several(dice: Dice) -> Manifold:
    return _ball(dice) + _carved(dice).translate([20, 0, 0]) + _hollow(dice).translate([0, 20, 0])


_SOLIDS = [_box, _ball, _ring, _hull, _carved, _hollow, _several]


def _turned(example: Example, dice: Dice) -> None:
    """Moved, turned, perhaps mirrored (it then faces inwards) and scaled."""
    turn, _ = np.linalg.qr(dice.normal(size=(3, 3)))
    scale = 10 ** dice.uniform(-3, 3)
    move = dice.uniform(-50, 50, 3) * scale
    example.parts = [Part(part.vertices @ turn * scale + move, part.faces) for part in example.parts]
    example.volume *= scale**3


def _shuffled(example: Example, dice: Dice) -> None:
    """Triangles in no order, each beginning with any of its corners."""
    for n, part in enumerate(example.parts):
        start = dice.integers(0, 3, len(part.faces))[:, None]
        faces = np.take_along_axis(part.faces, (start + np.arange(3)) % 3, axis=1)
        example.parts[n] = Part(part.vertices, faces[dice.permutation(len(faces))])


def _soup(example: Example, dice: Dice) -> None:
    """Each triangle brings its own points."""
    example.parts = [
        Part(part.vertices[part.faces].reshape(-1, 3), np.arange(part.faces.size).reshape(-1, 3))
        for part in example.parts
    ]


def _single_precision(example: Example, dice: Dice) -> None:
    example.parts = [
        Part(part.vertices.astype(np.float32).astype(np.float64), part.faces) for part in example.parts
    ]


def _noisy_seams(example: Example, dice: Dice) -> None:
    """Each triangle's own points, off by rounding errors of the program that wrote them."""
    _soup(example, dice)
    for n, part in enumerate(example.parts):
        error = dice.integers(-2, 3, part.vertices.shape) * np.spacing(np.abs(part.vertices).max())
        example.parts[n] = Part(part.vertices + error, part.faces)


def _inside_out(example: Example, dice: Dice) -> None:
    example.parts = [Part(part.vertices, part.faces[:, ::-1]) for part in example.parts]


def _partly_turned_over(example: Example, dice: Dice) -> None:
    """Up to five triangles, so that most of each shell still face the right way: the least has twelve."""
    n = int(np.argmax([len(part.faces) for part in example.parts]))
    part = example.parts[n]
    faces = part.faces.copy()
    some = dice.integers(0, len(faces), 5)
    faces[some] = faces[some, ::-1]
    example.parts[n] = Part(part.vertices, faces)


def _in_pieces(example: Example, dice: Dice) -> None:
    """Listed by colour."""
    part = joined(example.parts)
    colour = dice.integers(0, 4, len(part.faces))
    example.parts = [Part(part.vertices, part.faces[colour == n]) for n in range(4)]


def _with_doubled_facet(example: Example, dice: Dice) -> None:
    for n, part in enumerate(example.parts):
        if len(part.faces):
            facet = part.faces[dice.integers(0, len(part.faces), 1)]
            example.parts[n] = Part(part.vertices, np.concatenate([part.faces, facet]))


_WAYS: list[Callable[[Example, Dice], None]] = [
    _turned,
    _shuffled,
    _soup,
    _single_precision,
    _noisy_seams,
    _inside_out,
    _partly_turned_over,
    _in_pieces,
    _with_doubled_facet,
]


@given(
    make=st.sampled_from(_SOLIDS),
    ways=st.lists(st.sampled_from(_WAYS), max_size=4, unique=True),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_solid_has_the_same_volume_however_its_mesh_is_written(
    make: Callable[[Dice], Manifold], ways: list[Callable[[Example, Dice], None]], seed: int
) -> None:
    dice = np.random.default_rng(seed)
    solid = make(dice)
    example = Example([_part(solid)], solid.volume())
    for way in ways:
        way(example, dice)
    found = solid_of(example.parts)

    assert found.volume_mm3 == pytest.approx(example.volume, rel=3e-4)
    assert not found.is_sum


def _overlapping(dice: Dice, is_one_mesh: bool) -> tuple[Manifold, Manifold]:
    makers = [_box, _ball, _hull, _carved, _hollow]
    one = makers[dice.integers(0, len(makers))](dice)
    # Of two hollow bodies in one mesh nobody can always say which cavity is whose.
    other = makers[dice.integers(0, len(makers) - is_one_mesh)](dice)
    return one, other.rotate(dice.uniform(0, 90, 3).tolist()).translate(dice.uniform(-3, 3, 3).tolist())


@given(seed=st.integers(0, 2**32), is_one_mesh=st.booleans())
@settings(max_examples=60, deadline=None)
def test_two_solids_that_overlap_have_the_volume_of_their_union(seed: int, is_one_mesh: bool) -> None:
    one, other = _overlapping(np.random.default_rng(seed), is_one_mesh)
    parts = [_part(one), _part(other)]
    found: Solid = solid_of([joined(parts)] if is_one_mesh else parts)
    union = (one + other).volume()

    assert found.volume_mm3 == pytest.approx(union, rel=1e-5)
    assert found.is_overlapping == (union < (1 - 1e-6) * (one.volume() + other.volume()))


@given(seed=st.integers(0, 2**32), is_turned=st.tuples(st.booleans(), st.booleans()))
@settings(max_examples=60, deadline=None)
def test_shells_that_overlap_are_metal_whichever_way_they_face(
    seed: int, is_turned: tuple[bool, bool]
) -> None:
    dice = np.random.default_rng(seed)
    one, other = _box(dice), _ball(dice).translate(dice.uniform(1, 4, 3).tolist())
    if (other - one).volume() < 1e-3:
        return  # then an inner one that faces the other way is a cavity
    parts: list[Part] = [
        Part(part.vertices, part.faces[:, ::-1] if is_inwards else part.faces)
        for part, is_inwards in zip((_part(one), _part(other)), is_turned, strict=True)
    ]

    assert solid_of(parts).volume_mm3 == pytest.approx((one + other).volume(), rel=1e-5)


def _corner(part: Part) -> Floats:
    return np.asarray(part.vertices.max(axis=0))


@given(seed=st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_the_size_is_that_of_the_box_around_the_metal(seed: int) -> None:
    part = _part(_several(np.random.default_rng(seed)))

    assert solid_of([part]).extents_mm == pytest.approx(tuple(_corner(part) - part.vertices.min(axis=0)))
