"""Which facets are in an STL file?

The format: "StereoLithography Interface Specification", 3D Systems 1988. Binary: a free header of 80 bytes,
the number of facets, and 50 bytes for each. ASCII: ``solid name``, facets, ``endsolid name``. A facet's
normal says nothing that its corners do not say, and is not read.
"""

import re
from collections.abc import Iterator

import numpy as np

from events.model_kinds import are_stl_facets, is_binary_stl, stl_facet_count
from mes.geometry.answers import Unpriceable
from mes.geometry.parts import Floats, Part, check_amount
from mes.geometry.text import cut_short, damaged, floats, more_than_declared

_HEADER = 84
_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attributes", "<u2")])

_WORDS = b"""
    facet normal 0 0 0
        outer loop
            vertex 0 0 0
            vertex 0 0 0
            vertex 0 0 0
        endloop
    endfacet
""".split()
_COORDINATES = [n for n, word in enumerate(_WORDS) if word == b"0"][3:]
_KEYWORDS = {n: word for n, word in enumerate(_WORDS) if word != b"0"}
_FIRST_FACET = re.compile(rb"(?<!\S)facet\s+normal\s+(?:\S+\s+){3}outer\s+loop\s+vertex(?!\S)")
_SOLID = re.compile(rb"(?<!\S)solid(?!\S)")
_LAST_WORD = re.compile(rb"(?:end)?solid(?!\S)")
# A line that is no name, and geometry in any place.
_LOST_FACET = re.compile(
    rb"[\r\n][ \t]*(?:facet|outer|vertex|endloop|endfacet)(?!\S)|(?<!\S)vertex(?:\s+[-+]?[\d.]\S*){3}"
)


def read_stl(data: bytes) -> list[Part]:
    """The file's facets, each with corners of its own; a part for each solid of an ASCII file.

    Raises ``Unpriceable`` for a file that is cut short or where a facet would be lost.
    """
    if is_binary_stl(data[: 2**16], len(data)):
        corners = [_binary_corners(data)]
    else:
        corners = list(_ascii_corners(data.removeprefix(b"\xef\xbb\xbf").lstrip().lower()))
    return [Part(points, np.arange(len(points)).reshape(-1, 3)) for points in corners]


def _binary_corners(data: bytes) -> Floats:
    """The corners of all facets, one below the other."""
    count = _facet_count(data)
    check_amount(count, 1)
    facets = np.frombuffer(data, _FACET, count, _HEADER)
    return facets["corners"].astype(np.float64).reshape(-1, 3)


def _facet_count(data: bytes) -> int:
    """How many facets there are: what the file says, unless more of them stand behind those."""
    declared = stl_facet_count(data)
    whole, rest = divmod(len(data) - _HEADER, _FACET.itemsize)
    if declared == whole and not rest:
        return whole
    if declared == 0 or declared > whole:  # never counted: see ``is_binary_stl``
        return whole
    behind = data[_HEADER + declared * _FACET.itemsize :]
    if not rest and are_stl_facets(behind):
        return whole
    is_second_file = behind.lstrip()[:5].lower() == b"solid" or is_binary_stl(behind[: 2**16], len(behind))
    if is_second_file or are_stl_facets(behind):
        raise more_than_declared("STL")
    return declared


def _ascii_corners(text: bytes) -> Iterator[Floats]:
    """The corners of each solid's facets; the text in lower case.

    Names are free text to the end of their line, and some files are a single line: so facets begin where the
    words of a facet's beginning follow each other, and only the next "solid" or "endsolid" ends them.
    """
    if not _SOLID.match(text):
        raise damaged("STL")
    position = solids = triangles = 0
    while first := _FIRST_FACET.search(text, position):
        names = text[position : first.start()]
        if _LOST_FACET.search(names) or not _SOLID.search(names):
            raise damaged("STL")
        end = _end_of_facets(text, first.start())
        solids += 1
        triangles += text.count(b"endfacet", first.start(), end)
        check_amount(triangles, solids)
        yield _corners(text[first.start() : end])
        position = end
    if _LOST_FACET.search(text, position):
        raise cut_short("STL")


def _end_of_facets(text: bytes, start: int) -> int:
    """Where the word stands that ends a solid's facets: another solid may begin without an "endsolid"."""
    position = text.find(b"solid", start)
    while position >= 0:
        begin = position - 3 if text[position - 3 : position] == b"end" else position
        if text[begin - 1 : begin].isspace() and _LAST_WORD.match(text, begin):
            return begin
        position = text.find(b"solid", position + 5)
    # Without its end nobody knows whether the last facet there is the last there was.
    raise cut_short("STL")


def _corners(facets: bytes) -> Floats:
    words = facets.split()
    size = len(_WORDS)
    if len(words) % size or any(set(words[n::size]) != {word} for n, word in _KEYWORDS.items()):
        raise Unpriceable(_misread(words))
    columns = [floats(b" ".join(words[n::size]), "STL") for n in _COORDINATES]
    return np.stack(columns, axis=1).reshape(-1, 3)


def _misread(words: list[bytes]) -> str:
    """What is said of the first facet that is none."""
    size = len(_WORDS)
    starts = range(0, len(words), size)
    number = next(
        n
        for n, at in enumerate(starts)
        if any(words[at + k : at + k + 1] != [w] for k, w in _KEYWORDS.items())
    )
    return (
        f"The STL file is damaged: facet {number + 1:,} is not three corners of three coordinates. "
        "Export it again."
    )
