"""Which lines are in a Wavefront OBJ file, and of what kind is each?"""

import re

import numpy as np
import numpy.typing as npt

from mes.geometry.answers import Unpriceable
from mes.geometry.parts import Ints, check_amount
from mes.geometry.text import cut_short, unread, unreadable_line, word_starts

Claims = npt.NDArray[np.bool_]

# Free-form curves and surfaces, also those that version 3.0 replaced; levels of detail; commands.
_UNREAD = set(
    b"cstype deg bmat step curv curv2 surf parm trim hole scrv sp end con ctech stech"
    b" bzp bsp cdc cdp res lod call csh".split()
)
_CONTINUED = re.compile(rb"\\ *\n")
# A name that ends in a backslash, rather than a line that goes on.
_MISCONTINUED = re.compile(rb"\\ *\n *[^-+.\d \n\\]")
# These lines are looked at one by one: a second's work.
_MOST_NAMES = 500_000
_BLANK, _LINE_END = b" "[0], b"\n"[0]


class Lines:
    """An OBJ file's lines, claims about each, and what stands in them.

    Raises ``Unpriceable`` for a line that we can't read.
    """

    def __init__(self, data: bytes) -> None:
        self._text = np.frombuffer(_tidied(data), np.uint8)
        ends = np.flatnonzero(self._text == _LINE_END) + 1
        self._starts = np.concatenate([[0], ends[:-1]])
        self._lengths = ends - self._starts
        self.is_vertex = self._begins_with(b"v")
        self.is_face = self._begins_with(b"f") | self._begins_with(b"fo")  # "fo" until version 2.11
        self._names = {number: words for number in self._others() if (words := self._named(number))}

    def arguments(self, chosen: Claims) -> tuple[bytes, Ints]:
        """The text of the chosen lines without their keywords, and how many words each of them has."""
        if not chosen.any():
            return b"", np.empty(0, np.int64)
        text = self._text[np.repeat(chosen, self._lengths)]
        lengths = self._lengths[chosen]
        starts = np.cumsum(lengths) - lengths
        text[starts] = _BLANK
        text[starts + 1] = np.where(text[starts + 1] == b"o"[0], _BLANK, text[starts + 1])
        words = np.flatnonzero(word_starts(text))
        return text.tobytes(), np.diff(np.searchsorted(words, starts), append=len(words))

    def names(self, keywords: tuple[bytes, ...]) -> Ints:
        """For each line, the number of the name it stands under, by these of the keywords ``o`` and ``g``."""
        numbers: dict[tuple[bytes, ...], int] = {(b"",) * len(keywords): 0}
        change = np.zeros(len(self._starts), np.int64)
        names = dict.fromkeys(keywords, b"")
        last = 0
        for line, (keyword, name) in self._names.items():
            if keyword in names:
                names[keyword] = name
                number = numbers.setdefault(tuple(names.values()), len(numbers))
                change[line], last = number - last, number
        return np.cumsum(change)

    def unreadable(self, number: int) -> Unpriceable:
        """What is said of a line that we can't read."""
        return unreadable_line("OBJ", self._line(number))

    def _line(self, number: int) -> bytes:
        start = self._starts[number]
        return self._text[start : start + self._lengths[number]].tobytes().strip()

    def _begins_with(self, keyword: bytes) -> Claims:
        found = self._lengths > len(keyword)
        for n, letter in enumerate(keyword):
            found[found] = self._text[self._starts[found] + n] == letter
        found[found] = self._text[self._starts[found] + len(keyword)] <= _BLANK
        return found

    def _others(self) -> list[int]:
        """The lines that are neither empty nor of the kinds that files hold millions of."""
        known = self.is_vertex | self.is_face | (self._lengths == 1)
        for keyword in (b"vn", b"vt", b"vw", b"s", b"usemtl", b"l", b"p"):
            known |= self._begins_with(keyword)
        others = np.flatnonzero(~known)
        if len(others) > _MOST_NAMES:
            check_amount(0, len(others))
        return [int(number) for number in others]

    def _named(self, number: int) -> tuple[bytes, bytes] | None:
        """The keyword and the name of a line that names an object or a group."""
        line = self._line(number)
        keyword, *rest = line.split(None, 1) or [b""]
        if keyword in (b"o", b"g"):
            return keyword, b" ".join(rest)
        if keyword in _UNREAD:
            raise unread("OBJ", keyword.decode())
        # All others (shading, materials, words of other programs, remarks) say nothing of the surface. But a
        # point or face that is written oddly, or a line that was torn from its keyword, must not be lost.
        if keyword.lower() in (b"v", b"f", b"fo") or keyword[:1] in b"+-.0123456789":
            raise self.unreadable(number)
        return None


def _tidied(data: bytes) -> bytes:
    """The text with one kind of blank and of line end, each line whole and ended; without comments, indents
    and blank lines.
    """
    text = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n")
    text = text.translate(bytes.maketrans(b"\r\t\v\f", b"\n   ")) + b"\n"
    if b"#" in text:
        text = re.sub(rb"#[^\n]*", b"", text)
    if text.rstrip().endswith(b"\\"):
        raise cut_short("OBJ")
    if b"\\" in text:
        if bad := _MISCONTINUED.search(text):
            line = text[text.rfind(b"\n", 0, bad.start()) + 1 : bad.start() + 1]
            raise unreadable_line("OBJ", line)
        text = _CONTINUED.sub(b" ", text)
    return re.sub(rb"\n[ \n]+", b"\n", text.lstrip(b" \n")) or b"\n"
