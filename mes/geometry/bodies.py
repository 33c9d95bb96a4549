"""Which shells are metal, and which are cavities in it?"""

from dataclasses import dataclass, field

import numpy as np

from mes.geometry.parts import Floats, Ints, check_amount
from mes.geometry.surface import Surface

#: A shell of less than this share of its size cubed is flat: a sheet with two sides.
FLAT = 1e-12
# Two shells of the same volume can't lie one in the other; to its last digits it is uncertain.
_SMALLER = 1 - 1e-9
_SAMPLES = 15
# Pairs of point and triangle that are compared at once: some 50 MB.
_AT_ONCE = 500_000
# Any direction that edges of models don't have by design: else rays would run along them.
_ODD_TURN = np.linalg.qr(np.array([[0.61, 0.27, 0.74], [-0.33, 0.93, 0.11], [0.48, -0.39, 0.81]]))[0]


@dataclass(frozen=True, eq=False)
class Shell:
    """A closed surface in one piece, of the mesh with that number. Volume in mm3, negative if it faces in."""

    mesh: int
    vertices: Floats
    faces: Ints
    volume: float
    low: Floats
    high: Floats


@dataclass(eq=False)
class Body:
    """Metal within a shell, without the cavities in it."""

    outer: Shell
    cavities: list[Shell] = field(default_factory=list)

    @property
    def volume(self) -> float:
        """In mm3."""
        return abs(self.outer.volume) - sum(abs(cavity.volume) for cavity in self.cavities)

    def faces_against(self, shell: Shell) -> bool:
        """Whether the shell faces the other way than this body does: a cavity, if it lies in it."""
        return (self.outer.volume > 0) != (shell.volume > 0)


def shells_of(surfaces: list[Surface]) -> list[Shell]:
    """The shells with a volume: the sum of tetrahedra from one point to the triangles (Zhang & Chen 2001).

    Raises ``Unpriceable`` for too many.
    """
    found: list[Shell] = []
    for mesh, surface in enumerate(surfaces):
        order = np.argsort(surface.shell, kind="stable")
        starts = np.flatnonzero(np.diff(surface.shell[order], prepend=-1))
        check_amount(0, len(found) + len(starts))
        pieces = [surface.faces[rows] for rows in np.split(order, starts[1:])] if len(starts) else []
        shells = [_shell(mesh, surface.vertices, faces) for faces in pieces]
        found += [one for one in shells if abs(one.volume) > FLAT * (one.high - one.low).max() ** 3]
    return found


def _shell(mesh: int, vertices: Floats, faces: Ints) -> Shell:
    triangles = vertices[faces]
    low, high = triangles.min(axis=(0, 1)), triangles.max(axis=(0, 1))
    # From its own middle, where differences lose no digits.
    triangles -= (low + high) / 2
    volume = np.einsum("ij,ij->", triangles[:, 0], np.cross(triangles[:, 1], triangles[:, 2])) / 6
    return Shell(mesh, vertices, faces, float(volume), low, high)


def bodies_of(around: dict[Shell, list[Shell]]) -> dict[Shell, Body]:
    """The metal, by its outer shells, from outside to inside, given the shells around each (see ``nested``).

    A shell in the open or in a cavity is metal, whichever way it faces: it may have been exported inside out.
    A shell in metal that faces against it is a cavity; one that faces the same way is metal in metal.
    """
    bodies: dict[Shell, Body] = {}
    for shell in sorted(around, key=lambda shell: -abs(shell.volume)):
        body = metal_around(around[shell], bodies)
        if body and body.faces_against(shell):
            body.cavities.append(shell)
        else:
            bodies[shell] = Body(shell)
    return bodies


def metal_around(shells: list[Shell], bodies: dict[Shell, Body]) -> Body | None:
    """The nearest body with metal within all of these shells: none of them is a cavity of it."""
    cavities = set(shells)
    for shell in shells:
        if shell in bodies and cavities.isdisjoint(bodies[shell].cavities):
            return bodies[shell]
    return None


def nested(shells: list[Shell]) -> dict[Shell, list[Shell]]:
    """For each shell those that it lies in (most of it, where they cross): the nearest first, but those of
    its own mesh before others, for where hollow bodies overlap each has its own cavities.
    """
    # The smallest one around a shell is the nearest.
    shells = sorted(shells, key=lambda shell: abs(shell.volume))
    size = np.array([abs(shell.volume) for shell in shells])
    low, high = np.array([shell.low for shell in shells]), np.array([shell.high for shell in shells])
    is_inside = size[:, None] < _SMALLER * size
    for axis in range(3):
        is_inside &= low[:, None, axis] >= low[:, axis]
        is_inside &= high[:, None, axis] <= high[:, axis]
    for m in np.flatnonzero(is_inside.any(axis=0)):
        inner = np.flatnonzero(is_inside[:, m])
        samples = [_samples(shells[n]) for n in inner]
        found = windings(np.concatenate(samples), shells[m].vertices[shells[m].faces])
        ends = np.cumsum([len(points) for points in samples])
        is_inside[inner, m] = [(winding != 0).mean() > 0.5 for winding in np.split(found, ends[:-1])]
    around: dict[Shell, list[Shell]] = {}
    for n, shell in enumerate(shells):
        those = [shells[m] for m in np.flatnonzero(is_inside[n])]
        mesh = shell.mesh
        around[shell] = [one for one in those if one.mesh == mesh] + [
            one for one in those if one.mesh != mesh
        ]
    return around


def _samples(shell: Shell) -> Floats:
    """The centres of some of the shell's triangles."""
    chosen = np.linspace(0, len(shell.faces) - 1, min(_SAMPLES, len(shell.faces))).astype(np.int64)
    return np.asarray(shell.vertices[shell.faces[chosen]].mean(axis=1))


def windings(points: Floats, triangles: Floats) -> Ints:
    """How often the closed surface winds around each point: 0 outside, 1 or -1 inside.

    A ray from each point counts the triangles that it leaves through, less those it enters by. Points and
    triangles are halved together until few are left of either: rays only meet what is before them.
    """
    points, triangles = points @ _ODD_TURN, triangles @ _ODD_TURN
    found = np.zeros(len(points), dtype=np.int64)
    waiting = [(np.arange(len(points)), np.arange(len(triangles)))]
    low, high = triangles.min(axis=1), triangles.max(axis=1)
    while waiting:
        those, near = waiting.pop()
        first, last = points[those].min(axis=0), points[those].max(axis=0)
        before = (low[near, :2] <= last[:2]) & (high[near, :2] >= first[:2])
        near = near[before.all(axis=1) & (high[near, 2] >= first[2])]
        if len(those) == 1 or len(those) * len(near) <= _AT_ONCE:
            found[those] = _crossings(points[those], triangles[near])
            continue
        axis = int(np.argmax((last - first)[:2]))
        order = those[np.argsort(points[those, axis])]
        waiting += [(half, near) for half in np.array_split(order, 2)]
    return found


def _crossings(points: Floats, triangles: Floats) -> Ints:
    """For each point the triangles above it (along z): those facing up less those facing down."""
    a, b, c = (triangles[:, k] - points[:, None] for k in range(3))
    weights = [p[..., 0] * q[..., 1] - p[..., 1] * q[..., 0] for p, q in ((b, c), (c, a), (a, b))]
    is_up = np.logical_and.reduce([weight > 0 for weight in weights])
    is_down = np.logical_and.reduce([weight < 0 for weight in weights])
    height = weights[0] * a[..., 2] + weights[1] * b[..., 2] + weights[2] * c[..., 2]
    return np.asarray((is_up & (height > 0)).sum(axis=1) - (is_down & (height < 0)).sum(axis=1))
