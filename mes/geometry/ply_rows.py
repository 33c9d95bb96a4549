"""Where in the rows of a PLY element does each property stand, and what is its value?"""

import struct
from array import array
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mes.geometry.parts import Floats, Ints, check_amount
from mes.geometry.ply_header import Element, Header
from mes.geometry.text import cut_short, damaged, floats

# The last whole number before which a float64 holds each.
_MOST_WHOLE = 2.0**53


@dataclass(frozen=True)
class Body:
    """The rows as bytes; those of a text become numbers of 8 bytes each, and are read like the others."""

    data: bytes
    is_text: bool

    @staticmethod
    def of(header: Header) -> "Body":
        """The rows behind a header."""
        if header.order:
            return Body(header.body, False)
        return Body(floats(header.body, "PLY").astype("<f8").tobytes(), True)

    @staticmethod
    def of_lines(header: Header) -> "Body | None":
        """The rows of a text that has a line for each of them, without what a line has behind its row: Turk's
        own programs read it so, and some write more into a line than they declare.
        """
        lines = [line for line in header.body.splitlines() if not line.isspace() and line]
        elements = [element for element in header.elements if element.properties]
        if header.order or len(lines) != sum(element.rows for element in elements):
            return None
        owners = (element for element in elements for _ in range(element.rows))
        for number, element in enumerate(owners):
            words = lines[number].split()
            length = _row_length(words, element)
            if length > len(words):
                return None
            lines[number] = b" ".join(words[:length])
        return Body(floats(b"\n".join(lines), "PLY").astype("<f8").tobytes(), True)

    def values(self, starts: Ints, kind: np.dtype[np.generic], width: int) -> npt.NDArray[np.generic]:
        """``width`` values in a row from each of these places on."""
        if self.is_text:
            return np.frombuffer(self.data, kind)[starts[:, None] // kind.itemsize + np.arange(width)]
        places = starts[:, None] + np.arange(width * kind.itemsize)
        return np.frombuffer(self.data, np.uint8)[places].view(kind)

    def integers(self, starts: Ints, kind: np.dtype[np.generic], width: int) -> Ints:
        """The same, where only whole numbers will do."""
        values = self.values(starts, kind, width)
        if kind.kind == "f":
            numbers = values.astype(np.float64)
            if not ((np.abs(numbers) < _MOST_WHOLE) & (numbers == np.rint(numbers))).all():
                raise damaged("PLY")
        return values.astype(np.int64)

    def has_more_than_blanks(self, position: int) -> bool:
        """Whether anything follows there; programs end their files with a line end or fill them up."""
        if self.is_text:
            return position < len(self.data)
        return bool(self.data[position:].strip(b" \t\r\n\0"))


@dataclass(frozen=True)
class Rows:
    """The rows of one element: ``marks`` and ``sizes`` have a row each, and a column for each list of it:
    where its first item stands, and how many there are.
    """

    body: Body
    element: Element
    start: Ints
    marks: Ints
    sizes: Ints
    end: int

    def numbers(self, place: int) -> Floats:
        """The values of a property that is a number."""
        kind = self.element.properties[place].type
        return self.body.values(self._starts(place), kind, 1)[:, 0].astype(np.float64)

    def counts(self, place: int) -> Ints:
        """How many items each row's list holds."""
        return self.sizes[:, self._lists_before(place)]

    def lists(self, place: int, rows: Ints, width: int) -> Ints:
        """The items of these rows' lists, which all have ``width`` items."""
        starts = self.marks[rows, self._lists_before(place)]
        return self.body.integers(starts, self.element.properties[place].type, width)

    def _lists_before(self, place: int) -> int:
        return sum(p.count is not None for p in self.element.properties[:place])

    def _starts(self, place: int) -> Ints:
        """Where a number stands: so far behind the list before it, or behind the row's start."""
        starts, column = self.start, 0
        for p in self.element.properties[:place]:
            if p.count is None:
                starts = starts + p.type.itemsize
            else:
                starts = self.marks[:, column] + self.sizes[:, column] * p.type.itemsize
                column += 1
        return starts


def _row_length(words: list[bytes], element: Element) -> int:
    """How many words a row takes that begins so; more than there are, where that can't be told."""
    length = 0
    for p in element.properties:
        if p.count is not None:
            count = words[length] if length < len(words) else b""
            length += int(count) if count.isdigit() and len(count) < 10 else len(words)
        length += 1
    return length


def read_rows(body: Body, position: int, element: Element) -> Rows:
    """The rows of an element that begin there. Raises ``Unpriceable`` where there are fewer."""
    if not element.rows or not element.properties:
        nothing = np.empty(0, np.int64)
        return Rows(body, element, nothing, nothing, nothing, position)
    return _alike(body, position, element) or _walked(body, position, element, element.rows)


def _alike(body: Body, position: int, element: Element) -> Rows | None:
    """The rows, where all are as long as the first: the common case, and fast."""
    first = _walked(body, position, element, 1)
    stride = first.end - position
    end = position + stride * element.rows
    steps, _ = _steps(element)
    if end > len(body.data):
        if not steps:
            raise cut_short("PLY")
        return None
    shift = stride * np.arange(element.rows)
    for column, step in enumerate(steps):
        counts = body.values(shift + first.marks[0, column] - step.count.itemsize, step.count, 1)
        if not (counts == first.sizes[0, column]).all():
            return None
    sizes = np.broadcast_to(first.sizes, (element.rows, len(steps)))
    return Rows(body, element, position + shift, first.marks + shift[:, None], sizes, end)


def _walked(body: Body, position: int, element: Element, rows: int) -> Rows:
    """The first rows, each as long as its lists make it."""
    check_amount(rows, 1)
    steps, tail = _steps(element)
    starts, marks, sizes = array("q"), array("q"), array("q")
    walk = [(s.gap, s.gap + s.count.itemsize, s.item_size, _reader(s.count)) for s in steps]
    try:
        for _ in range(rows):
            starts.append(position)
            for gap, to_items, item_size, read in walk:
                count = int(read(body.data, position + gap)[0])
                position += to_items
                marks.append(position)
                sizes.append(count)
                position += count * item_size
            position += tail
    except struct.error as error:
        raise cut_short("PLY") from error
    except (OverflowError, ValueError) as error:
        raise damaged("PLY") from error
    if position > len(body.data):
        raise cut_short("PLY")
    places, counts = (np.frombuffer(each, np.int64).reshape(rows, len(steps)) for each in (marks, sizes))
    for column, step in enumerate(steps):
        body.integers(places[:, column] - step.count.itemsize, step.count, 1)
    if (counts < 0).any():
        raise damaged("PLY")
    return Rows(body, element, np.frombuffer(starts, np.int64), places, counts, position)


@dataclass(frozen=True)
class _Step:
    """A list in a row: so many bytes behind the one before it stands its count, and then come its items."""

    gap: int
    count: np.dtype[np.generic]
    item_size: int


def _steps(element: Element) -> tuple[list[_Step], int]:
    """The lists of a row, and how many bytes follow the last of them."""
    steps, gap = [], 0
    for p in element.properties:
        if p.count is None:
            gap += p.type.itemsize
        else:
            steps.append(_Step(gap, p.count, p.type.itemsize))
            gap = 0
    return steps, gap


def _reader(kind: np.dtype[np.generic]) -> Callable[[bytes, int], tuple[float, ...]]:
    order = ">" if kind.byteorder == ">" else "<"
    return struct.Struct(order + kind.char).unpack_from
