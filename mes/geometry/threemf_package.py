"""Which file of a 3MF package is meant by a part's name, and with which does it start?

A 3MF document is an OPC package (ECMA-376, part 2): a zip whose entries are parts, found by relationships and
not by what they are called.
"""

import posixpath
import string
import zipfile
from collections import defaultdict
from io import BytesIO
from typing import IO, Any
from urllib.parse import unquote
from xml.parsers import expat

from mes.geometry.answers import Unpriceable

_RELATIONSHIP = "http://schemas.openxmlformats.org/package/2006/relationships Relationship"
_START_PART = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
_USUAL_START = "/3d/3dmodel.model"
# A few relationships of about 200 bytes; a file of megabytes is none.
_MOST_RELATIONSHIPS = 1024**2
_ASCII_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def xml_parser() -> expat.XMLParserType:
    """A parser for a stranger's XML, which puts a space between namespace and name.

    It refuses what the 3MF specification forbids (2.3.2): a DTD, which could only bring entities: bombs, and
    files of ours.
    """
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = _refuse_doctype
    return parser


def _refuse_doctype(*_: object) -> None:
    raise Unpriceable("The 3MF file is damaged: it holds a document type declaration.")


def part_name(name: str) -> str:
    """A name as OPC compares them (6.2.2): from the root, percent-encoding undone, ASCII in lower case."""
    path = unquote(name.replace("\\", "/"), errors="strict")
    # normpath leaves two leading slashes as they are.
    return posixpath.normpath("/" + path.lstrip("/")).translate(_ASCII_LOWER)


class Package:
    """The parts of an open package, by name."""

    def __init__(self, data: bytes) -> None:
        self._archive = zipfile.ZipFile(BytesIO(data))
        self._entries: dict[str, list[zipfile.ZipInfo]] = defaultdict(list)
        for entry in self._archive.infolist():
            if not entry.is_dir():
                self._entries[part_name(entry.filename)].append(entry)

    def __contains__(self, name: str) -> bool:
        return part_name(name) in self._entries

    def open(self, name: str) -> IO[bytes]:
        """The part of that name. Raises ``KeyError`` for none, ``Unpriceable`` for two."""
        if part_name(name) not in self._entries:
            raise KeyError(name)
        entry, *others = self._entries[part_name(name)]
        if others:
            raise Unpriceable(f"The 3MF file is damaged: it holds two files named {entry.filename[:80]!r}.")
        return self._archive.open(entry)

    def start_part(self) -> str:
        """The name of the part to begin with: the target of the relationship StartPart (3MF Core 2.1).

        Without any relationships, which is against the specification, the one that has the usual name.
        """
        if "/_rels/.rels" in self:
            targets = {part_name(target) for target in self._start_targets()}
        else:
            targets = {name for name in self._entries if name.endswith(_USUAL_START)}
        if len(targets) != 1:
            raise Unpriceable("The 3MF file doesn't say which of its files holds the model. Export it again.")
        return targets.pop()

    def _start_targets(self) -> list[str]:
        targets: list[str] = []

        def start(name: str, attributes: dict[str, Any]) -> None:
            if name == _RELATIONSHIP and attributes["Type"] == _START_PART:
                if attributes.get("TargetMode", "Internal") != "Internal":
                    raise ValueError("the start part lies outside the package")
                targets.append(attributes["Target"])

        parser = xml_parser()
        parser.StartElementHandler = start
        with self.open("/_rels/.rels") as file:
            relationships = file.read(_MOST_RELATIONSHIPS + 1)
        if len(relationships) > _MOST_RELATIONSHIPS:
            raise ValueError("too many relationships")
        parser.Parse(relationships, True)
        return targets
