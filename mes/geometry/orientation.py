"""Is every edge passed as often one way as the other, and which faces continue each other there?

Such a surface encloses a volume (its boundary is zero). That four or more faces meet at an edge is no fault.
"""

import numpy as np
import numpy.typing as npt

from mes.geometry.answers import Unpriceable
from mes.geometry.components import components
from mes.geometry.parts import Floats, Ints

Flags = npt.NDArray[np.bool_]

#: Why a closed surface is refused whose bodies can't be told apart.
NOT_CLEAN = (
    "The surface is not a clean solid: in places more than two faces meet at one edge. "
    "Join or separate its bodies in your CAD program and send it again."
)
# Faces at an edge whose directions differ by less (radians) lie on each other.
_SAME_ANGLE = 1e-7


class EdgeTable:
    """The edges of triangles. Side ``3 * n + k`` is edge k of triangle n, from its corner k to the next.

    ``sides``: all of them, those of one edge together; ``starts`` and ``counts``: where an edge's sides begin
    there, and how many it has; ``is_up``: whether each of ``sides`` runs from the lower point to the higher.
    """

    def __init__(self, faces: Ints) -> None:
        self.faces = faces
        start, end = faces.ravel(), faces[:, [1, 2, 0]].ravel()
        # Points are fewer than 6 million: two of their numbers fit into one, which sorts fast.
        key = np.minimum(start, end) * (1 << 31) + np.maximum(start, end)
        self.sides: Ints = np.argsort(key)
        key = key[self.sides]
        self.starts: Ints = np.flatnonzero(np.concatenate([[True], key[1:] != key[:-1]]))
        self.counts: Ints = np.diff(np.append(self.starts, len(key)))
        self.is_up: Flags = (start < end)[self.sides]

    @property
    def is_regular(self) -> bool:
        """Each edge has two faces, as it should."""
        return bool((self.counts == 2).all())

    @property
    def is_balanced(self) -> bool:
        """Each edge is passed as often one way as the other."""
        return not np.add.reduceat(np.where(self.is_up, 1, -1), self.starts).any()

    @property
    def open_points(self) -> Ints:
        """The ends of edges with an odd number of faces, in order."""
        sides = self.sides[self.starts[self.counts % 2 == 1]]
        is_open = np.zeros(self.faces.max() + 1, dtype=bool)
        is_open[self.faces.ravel()[[sides, sides - sides % 3 + (sides + 1) % 3]]] = True
        return np.flatnonzero(is_open)

    @property
    def simple_pairs(self) -> Ints:
        """The two sides (n, 2) of each edge that has two."""
        start = self.starts[self.counts == 2]
        return np.stack([self.sides[start], self.sides[start + 1]], axis=1)


def check_closed(edges: EdgeTable) -> None:
    """Raises ``Unpriceable`` where an edge has an odd number of faces."""
    if holes := int((edges.counts == 1).sum()):
        raise Unpriceable(
            f"The surface has holes ({holes} open edges): it encloses no volume. "
            "Close it in your CAD program and send it again."
        )
    if (edges.counts % 2 == 1).any():
        raise Unpriceable(NOT_CLEAN)


def oriented(edges: EdgeTable) -> EdgeTable:
    """The same triangles, turned so that each edge is balanced. Raises ``Unpriceable`` where none can be.

    What is balanced as it was declared stays so. Else neighbours, which share an edge of two faces, are
    turned to face the way that most of them do.
    """
    if edges.is_balanced:
        return edges
    faces = edges.faces.copy()
    turned = _turned(edges)
    faces[turned] = faces[turned, ::-1]
    edges = EdgeTable(faces)
    if not edges.is_balanced:
        raise Unpriceable(NOT_CLEAN)
    return edges


def _turned(edges: EdgeTable) -> Flags:
    """Which triangles to turn over so that neighbours face the same way.

    Every triangle has two sides, n and n + count. Neighbours that run along their edge in opposite directions
    share sides, others share n with the far side: a body is a pair of components of that graph.
    """
    count = len(edges.faces)
    pairs = edges.simple_pairs
    start = edges.faces.ravel()[pairs]
    one, other = pairs.T // 3
    crossed = np.where(start[:, 0] == start[:, 1], count, 0)
    side = components(
        2 * count,
        np.concatenate([one, one + count]),
        np.concatenate([other + crossed, other + count - crossed]),
    )
    near, far = side[:count], side[count:]
    if (near == far).any():
        raise Unpriceable("The surface has only one side, like a Moebius strip: it encloses no volume.")
    body, is_far = np.minimum(near, far), near > far
    is_mostly_far = 2 * np.bincount(body, weights=is_far) > np.bincount(body)
    return np.asarray(is_far != is_mostly_far[body])


def shells(edges: EdgeTable, vertices: Floats) -> Ints:
    """Each triangle's closed shell, as the number of that shell's first triangle; the edges are balanced.

    Every edge passes a face on to one other face. Where there are more than two, metal lies between the two:
    bodies that touch along an edge are taken apart there.
    """
    pairs = edges.simple_pairs
    if not edges.is_regular:
        sheet = components(len(edges.faces), *(pairs.T // 3))
        pairs = np.concatenate([pairs, _pairs_around(edges, vertices, sheet)])
    return components(len(edges.faces), *(pairs.T // 3))


def _pairs_around(edges: EdgeTable, vertices: Floats, sheet: Ints) -> Ints:
    """The sides (n, 2) that continue each other at edges of more than two faces.

    1. A sheet (faces connected by edges of two faces) that balances at the edge is paired by itself, the
       others among themselves.
    2. The faces are put in order around their edge, as seen against its direction from the lower point.
    3. One that runs down its edge has metal behind it (it opens a wedge of metal), one that runs up has it
       before. They are paired like brackets, round the circle.
    4. Faces that lie on each other: first those that close, so that bodies that touch are two; of several,
       the lower sheet's is the inner bracket, so that two sheets on each other are not mixed up.
    """
    is_many = edges.counts > 2
    counts = edges.counts[is_many]
    edge = np.repeat(np.arange(len(counts)), counts)
    rows = np.repeat(is_many, edges.counts)
    sides, opens = edges.sides[rows], ~edges.is_up[rows]
    angle = _angles(edges.faces, vertices, sides, np.concatenate([[0], np.cumsum(counts)[:-1]])[edge])
    sheet = sheet[sides // 3]
    circle = _circles(edge, sheet, opens)
    order = np.lexsort((angle, circle))
    is_apart = np.diff(angle[order], prepend=0) > _SAME_ANGLE
    is_apart |= np.diff(circle[order], prepend=0) > 0
    direction = np.empty(len(order), dtype=np.int64)
    direction[order] = np.cumsum(is_apart)
    order = np.lexsort((np.where(opens, -1, 1) * sheet, opens, direction))
    circle, sides, opens = circle[order], sides[order], opens[order]
    # Brackets of one depth open and close in turn. Every circle is balanced, so each begins at depth 0.
    depth = np.cumsum(np.where(opens, 1, -1)) + ~opens
    order = np.lexsort((depth, circle))
    circle, depth, sides, opens = circle[order], depth[order], sides[order], opens[order]
    is_first = np.diff(circle, prepend=-1).astype(bool) | np.diff(depth, prepend=0).astype(bool)
    first = np.flatnonzero(is_first)
    following = np.arange(1, len(order) + 1)
    following[np.append(first[1:], len(order)) - 1] = first
    return np.stack([sides[opens], sides[following[opens]]], axis=1)


def _circles(edge: Ints, sheet: Ints, opens: Flags) -> Ints:
    """For each side a number of those that it may be paired with: of its sheet, or of all unbalanced ones."""
    _, of_sheet = np.unique(edge * (1 << 31) + sheet, return_inverse=True)
    is_unbalanced = np.bincount(of_sheet, weights=np.where(opens, 1, -1)) != 0
    return np.where(is_unbalanced[of_sheet], -1 - edge, of_sheet)


def _angles(faces: Ints, vertices: Floats, sides: Ints, reference: Ints) -> Floats:
    """In which direction (radians from 0, about the edge) each side's face leaves its edge.

    ``reference``: for each side the row of the one at the same edge that leaves in direction 0.
    """
    n, k = sides // 3, sides % 3
    start, end = faces[n, k], faces[n, (k + 1) % 3]
    low, high = vertices[np.minimum(start, end)], vertices[np.maximum(start, end)]
    axis = high - low
    axis /= np.linalg.norm(axis, axis=1)[:, None]
    out = vertices[faces[n, (k + 2) % 3]] - low
    zero = out[reference]
    zero -= np.einsum("ij,ij->i", zero, axis)[:, None] * axis
    quarter = np.cross(axis, zero)
    angle = np.arctan2(np.einsum("ij,ij->i", out, quarter), np.einsum("ij,ij->i", out, zero)) % (2 * np.pi)
    return np.asarray(np.where(angle > 2 * np.pi - _SAME_ANGLE, 0, angle))
