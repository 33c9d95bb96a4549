"""How is what happens written down by many processes while it happens, and read again afterwards?

All times are seconds of CLOCK_MONOTONIC, which every process of a machine shares. A row is known by its
key: "S:" and the number for an order of the Shop, "M:" and the number for a work order, since the two have
versions of their own.
"""

import json
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BufferedWriter, TextIOWrapper
from pathlib import Path
from sys import intern
from typing import Any

import numpy as np

#: A read as it lies in a file: between which two moments, what was shown, to whom, and where it came from.
READ = np.dtype(
    [("began", "<f8"), ("ended", "<f8"), ("body", "<u4"), ("who", "<u2"), ("how", "u1"), ("pad", "u1")]
)
_PACK = struct.Struct("<ddIHBx").pack
#: Where an answer came from; "failed" is any that shows nothing, and its body's path says why.
HOW = ("failed", "hit", "miss", "partial", "bypass", "uncached")
FAILED, HIT, MISS, PARTIAL, BYPASS, UNCACHED = range(len(HOW))
#: What becomes of a connection on which a read fails; others fail with a status, or an error's name.
DROPPED, REFUSED, TIMED_OUT = "dropped", "refused", "timed out"
#: Whom reads without HTTP are shown to.
NOBODY = 65535

now = time.monotonic


@dataclass(frozen=True, slots=True)
class Body:
    """What an answer shows: a version by key (0: there is no such row), or counts by status."""

    rows: Mapping[str, int]
    counts: Mapping[str, int] | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class Write:
    """A write that was acknowledged to its writer: by ``ended`` it was committed."""

    key: str
    version: int
    began: float
    ended: float
    by: str  # http, orm, psql, bulk, killed
    who: int = -1  # the user, where the write was a request


@dataclass(frozen=True, slots=True)
class Claim:
    """One try to get an order, and its answer: 200, or the code of the refusal, or "" when there was none."""

    number: str
    operator: int
    answer: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Fault:
    """Something done to the site; by ``ended`` whatever was taken from it was given back."""

    name: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Right:
    """From ``ended`` on somebody may enter, or may not, or (None) nobody was told; by which way it was so."""

    who: str
    way: str
    may: bool | None
    began: float
    ended: float


#: The statuses of an :class:`Entry` that was let in, and of one that was not.
LET_IN, SENT_AWAY = (200, 304), (302, 401, 403)


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody's try to enter, and the status of the answer."""

    who: str
    status: int
    began: float
    ended: float


class Notebook:
    """One process's notes, in files of its own: ``Notebook(folder, "reader-1")``."""

    def __init__(self, folder: Path, name: str) -> None:
        self._reads: BufferedWriter = (folder / f"{name}.reads").open("wb", buffering=1 << 16)
        self._bodies: TextIOWrapper = (folder / f"{name}.bodies").open("w", buffering=1 << 16)
        self._lines: TextIOWrapper = (folder / f"{name}.lines").open("w", buffering=1)
        self._body_count = 0
        self._failures: dict[str, int] = {}
        self.body("nothing")

    def body(self, path: str, rows: Mapping[str, int] | None = None, counts: Any = None) -> int:
        """Note what an answer shows; returns the number by which reads refer to it."""
        json.dump([path, rows or {}, counts], self._bodies)
        self._bodies.write("\n")
        self._body_count += 1
        return self._body_count - 1

    def read(self, began: float, ended: float, body: int, who: int, how: int) -> None:
        """Note a read."""
        self._reads.write(_PACK(began, ended, body, who, how))

    def failed(self, began: float, who: int, why: str) -> None:
        """Note a read that ends now and shows nothing, and why: a status, an error's name, or the like."""
        if why not in self._failures:
            self._failures[why] = self.body(why)
        self.read(began, now(), self._failures[why], who, FAILED)

    def note(self, what: Write | Claim | Fault | Right | Entry) -> None:
        """Note anything else; it is in the file when this returns, for the process may be killed next."""
        values = [getattr(what, name) for name in what.__slots__]
        self._lines.write(json.dumps([type(what).__name__, *values]) + "\n")

    def close(self) -> None:
        """Write what is still in memory."""
        for file in (self._reads, self._bodies, self._lines):
            file.close()


@dataclass
class Notes:
    """The notes of all processes together."""

    reads: Any  # numpy array of READ
    bodies: list[Body]
    writes: list[Write]
    claims: list[Claim]
    faults: list[Fault]
    rights: list[Right] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)

    def shown_to(self, who: int) -> "Notes":
        """The reads of one user."""
        return Notes(self.reads[self.reads["who"] == who], self.bodies, [], [], [])

    @classmethod
    def of(cls, folder: Path) -> "Notes":
        """Everything in the folder; a line that its writer did not finish is left out."""
        notes = cls(np.empty(0, READ), [], [], [], [])
        pieces = []
        for path in sorted(folder.glob("*.reads")):
            whole = path.stat().st_size // READ.itemsize
            piece = np.fromfile(path, READ, count=whole)
            piece["body"] += len(notes.bodies)
            pieces.append(piece)
            with path.with_suffix(".bodies").open() as lines:
                notes.bodies.extend(map(_body, lines))
        if pieces:
            notes.reads = np.concatenate(pieces)
        lists = {
            "Write": (Write, notes.writes),
            "Claim": (Claim, notes.claims),
            "Fault": (Fault, notes.faults),
            "Right": (Right, notes.rights),
            "Entry": (Entry, notes.entries),
        }
        for path in sorted(folder.glob("*.lines")):
            for line in path.read_text().split("\n")[:-1]:
                kind, *values = json.loads(line)
                make, found = lists[kind]
                found.append(make(*values))  # type: ignore[attr-defined]
        return notes


def _body(line: str) -> Body:
    path, rows, counts = json.loads(line)
    # A key is in many bodies: one string for all of them.
    return Body({intern(key): version for key, version in rows.items()}, counts, intern(path))
