"""How rows, positions and filters of a board are spelled in its one sorted index."""

import string
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Final

#: In a view, "any value of this facet"; sorts before every code.
ANY: Final = "*"
#: The view of the rows retention may drop.
DROPPABLE: Final = "!"
_CODES: Final = string.ascii_uppercase + string.ascii_lowercase
#: Values a facet may have.
MOST_VALUES: Final = len(_CODES)
# Base 32 with the digits in ASCII order ("extended hex", RFC 4648): ten of them hold 50 bits.
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
POSITION_WIDTH: Final = 10
LAST_POSITION: Final = (1 << 5 * POSITION_WIDTH) - 1
#: Below every position: nothing is missing.
BOTTOM: Final = "0" * POSITION_WIDTH


def encode_position(position: int) -> str:
    """A position as text that sorts as the number does. Raises ``ValueError`` from 2**50 on, or below 0."""
    if not 0 <= position <= LAST_POSITION:
        raise ValueError(f"position out of range: {position}")
    return "".join(_DIGITS[position >> shift & 31] for shift in range(45, -1, -5))


def decode_position(text: str) -> int:
    """The position that :func:`encode_position` spelled."""
    return int(text, 32)


class Facets:
    """The columns a board can be filtered by, with their values in a fixed order.

    A view is one character a facet: the value's code, or :data:`ANY`. A row stands in every combination.
    """

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self.values = {facet: list(choices) for facet, choices in values.items()}
        self._codes = {
            facet: dict(zip(choices, _CODES, strict=False)) for facet, choices in self.values.items()
        }
        self._joined = lru_cache(maxsize=1024)(self._join)

    def _join(self, values: tuple[str, ...]) -> str:
        choices = (
            (codes[value], ANY) if value in codes else (ANY,)
            for value, codes in zip(values, self._codes.values(), strict=True)
        )
        return "".join("".join(view) for view in product(*choices))

    @property
    def width(self) -> int:
        """Characters of a view."""
        return len(self._codes)

    def view(self, filters: Mapping[str, str]) -> str:
        """The view that shows what the filters let through. Raises ``KeyError`` for an unknown value."""
        return "".join(
            codes[filters[facet]] if facet in filters else ANY for facet, codes in self._codes.items()
        )

    def views(self, row: Mapping[str, str], droppable: bool) -> str:
        """All views a row stands in, one after the other. A value that nobody can filter by has none."""
        joined = self._joined(tuple(row[facet] for facet in self._codes))
        return joined + DROPPABLE * self.width if droppable else joined
