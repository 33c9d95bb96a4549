"""Which nodes of a graph are connected?"""

import numpy as np

from mes.geometry.parts import Ints


def components(count: int, one: Ints, other: Ints) -> Ints:
    """The smallest node that each of ``count`` nodes is connected with, given the edges' two ends.

    Hooking and pointer jumping (Shiloach & Vishkin 1982): a logarithmic number of passes over whole arrays,
    where a graph library walks millions of edges one by one.
    """
    label = np.arange(count)
    while True:
        ends = label[one], label[other]
        is_open = ends[0] != ends[1]
        if not is_open.any():
            return label
        # Edges whose ends are known to be connected have nothing more to say.
        one, other = one[is_open], other[is_open]
        ends = ends[0][is_open], ends[1][is_open]
        lower = np.minimum(*ends)
        np.minimum.at(label, ends[0], lower)
        np.minimum.at(label, ends[1], lower)
        while True:
            jumped = label[label]
            if (jumped == label).all():
                break
            label = jumped
