"""What does the header of a PLY file declare?"""

import re
from dataclasses import dataclass, field

import numpy as np

from mes.geometry.text import cut_short, damaged, unreadable_line

# Turk's names, and those that say the size.
_TYPES = {
    "char": "i1",
    "uchar": "u1",
    "short": "i2",
    "ushort": "u2",
    "int": "i4",
    "uint": "u4",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
    "float": "f4",
    "double": "f8",
    "float32": "f4",
    "float64": "f8",
}
_FORMATS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
# Headers have some hundred bytes, and are read line by line.
_MOST_BYTES = 1024**2
_KEYWORDS = {"format", "element", "property", "end_header"}
_LINE = re.compile(rb"([^\r\n]*)(\r\n|\r|\n)")


@dataclass(frozen=True)
class Property:
    """A number of each row, or a list of numbers: then ``count`` is the type of its length."""

    name: str
    type: np.dtype[np.generic]
    count: np.dtype[np.generic] | None


@dataclass
class Element:
    """So many rows that have the same properties."""

    name: str
    rows: int
    properties: list[Property] = field(default_factory=list)

    def number(self, name: str) -> int | None:
        """Which of the properties is the number of that name."""
        found = (n for n, p in enumerate(self.properties) if p.name == name and p.count is None)
        return next(found, None)

    def list(self, names: tuple[str, ...]) -> int | None:
        """Which of the properties is the list of one of these names."""
        found = (n for n, p in enumerate(self.properties) if p.name in names and p.count is not None)
        return next(found, None)


@dataclass(frozen=True)
class Header:
    """``order`` is that of the bytes, ``<`` or ``>``, or empty for text; the rows are in ``body``."""

    order: str
    elements: list[Element]
    body: bytes


def read_header(data: bytes) -> Header:
    """The header, from the word "ply" to the line "end_header". Raises ``Unpriceable``."""
    order: str | None = None
    elements: list[Element] = []
    line_end = b""
    position = 0
    while position < _MOST_BYTES and (line := _LINE.match(data, position)):
        position = line.end()
        line_end = line_end or line[2]
        match line[1].decode("latin-1").split():
            case []:
                pass
            case [keyword, *_] if keyword not in _KEYWORDS:
                # Comments, obj_info, and comments without that word, as a Blender wrote them. What else might
                # be lost here is missed in the rows.
                pass
            case ["format", name, "1.0"] if name in _FORMATS and order is None:
                order = _FORMATS[name]
            case ["element", name, rows] if rows.isascii() and rows.isdigit() and _is_new(name, elements):
                elements.append(Element(name, int(rows)))
            case ["property", *words] if elements:
                elements[-1].properties.append(_property(words, order, elements[-1]))
            case ["end_header"] if order is not None:
                # Behind a lone CR, a line feed is the first byte of the rows.
                end = position if line_end != b"\r" else line.end(1) + 1
                return Header(order, elements, data[end:])
            case _:
                raise unreadable_line("PLY", line[1])
    raise cut_short("PLY")


def _is_new(name: str, among: list[Element] | list[Property]) -> bool:
    return all(other.name != name for other in among)


def _property(words: list[str], order: str | None, element: Element) -> Property:
    """The property that a line declares. As text all numbers are read alike."""
    if order is None or not _is_new(words[-1] if words else "", element.properties):
        raise damaged("PLY")
    match words:
        case ["list", count, kind, name] if count in _TYPES and kind in _TYPES:
            return Property(name, _type(kind, order), _type(count, order))
        case [kind, name] if kind in _TYPES:
            return Property(name, _type(kind, order), None)
    raise unreadable_line("PLY", " ".join(["property", *words]).encode())


def _type(name: str, order: str) -> np.dtype[np.generic]:
    return np.dtype(order + _TYPES[name] if order else "<f8")
