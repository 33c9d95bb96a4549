"""Was a row missing from a page that had to show it? Pure functions over everybody's notes and history."""

from collections import defaultdict
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from math import inf
from urllib.parse import parse_qsl, urlsplit

import numpy as np

from tests.chaos.checker import CLOCKS_DIFFER, COMMIT_TAKES, Array, Finding, Timeline
from tests.chaos.notes import FAILED, HIT, Body, Notes
from tests.chaos.tables import Version

BOARD = "/api/v1/mes/orders/?"
FACETS = {"status", "material"}


@dataclass(frozen=True)
class _Stay:
    """A work order stood in one place of one view, its ``number``-th, for certain from ``since`` until
    ``until``, and perhaps from ``came`` until ``gone``."""

    key: str
    number: int
    status: str
    material: str
    position: int
    came: float
    since: float
    until: float
    gone: float


class _View:
    """Everything that stood in one view, order by order, and quick to search."""

    def __init__(self, stays: list[_Stay]) -> None:
        self.stays = stays
        self._position = np.array([stay.position for stay in stays])
        self._came = np.array([stay.came for stay in stays])
        self._gone = np.array([stay.gone for stay in stays])

    def above(self, position: float, since: float, until: float, but: Container[str]) -> list[_Stay]:
        """What may have stood above this position at some time between, ``but`` these orders. Where it went
        on to another such place, the two are one stay: certain also while nobody knows which of them."""
        found = (self._came <= until) & (self._gone >= since) & (self._position > position)
        stays: list[_Stay] = []
        for stay in (self.stays[at] for at in np.flatnonzero(found)):
            if stay.key in but:
                continue
            before = stays[-1] if stays else None
            if before and (before.key, before.number + 1) == (stay.key, stay.number):
                stays[-1] = replace(stay, since=before.since)
            else:
                stays.append(stay)
        return stays


def check_missing(notes: Notes, versions: Iterable[Version], proven: Timeline, bound: float) -> Finding:
    """A first page misses no row above its last one; nor any at all, when it is shorter than its limit.

    A row must be there when it had a place in the view throughout the last B; on what comes from PostgreSQL,
    throughout the request.
    """
    finding = Finding("no row is missing from a page")
    versions = list(versions)
    stays = list(_stays(versions, proven))
    positions = {(v.key, v.version): v.position for v in versions}
    by_path: defaultdict[str, list[int]] = defaultdict(list)
    for number, body in enumerate(notes.bodies):
        if body.path.startswith(BOARD):
            by_path[body.path].append(number)
    order = np.argsort(notes.reads["body"], kind="stable")
    reads = notes.reads[order]
    starts = np.searchsorted(reads["body"], np.arange(len(notes.bodies) + 1))
    for path, numbers in by_path.items():
        filters = dict(parse_qsl(urlsplit(path).query))
        limit = int(filters.pop("limit", 0))
        if not limit or filters.keys() - FACETS:
            continue  # not a first page
        view = _View(
            [s for s in stays if all(getattr(s, name) == wanted for name, wanted in filters.items())]
        )
        for number in numbers:
            body = notes.bodies[number]
            last = _last(body, limit, positions)
            if last is not None:
                _judge_page(finding, body, reads[starts[number] : starts[number + 1]], view, last, bound)
    return finding


def _last(body: Body, limit: int, positions: dict[tuple[str, int], int | None]) -> float | None:
    """Down to which position a page is complete; None when nobody knows where its last row stood."""
    return positions.get([*body.rows.items()][-1]) if len(body.rows) >= limit else -inf


def _judge_page(finding: Finding, body: Body, reads: Array, view: _View, last: float, bound: float) -> None:
    """All reads that showed this page."""
    reads = reads[reads["how"] != FAILED]
    if not len(reads):
        return
    finding.tried += len(reads)
    since = reads["began"] - bound * (reads["how"] == HIT)
    judged = np.zeros(len(reads), bool)
    for stay in view.above(last, since.min(), reads["ended"].max(), body.rows):
        lacking = (stay.since <= since) & (stay.until >= reads["ended"]) & ~judged
        for read in reads[lacking]:
            finding.breach(f"{stay.key} is not on {body.path} for user {read['who']} at {read['began']:.3f}")
        judged |= lacking


def _stays(versions: Iterable[Version], proven: Timeline) -> Iterable[_Stay]:
    """Where each work order stood, and when; versions that differ in other things are one."""
    for key, of_row in groupby(sorted(versions, key=lambda v: (v.key, v.version)), lambda v: v.key):
        places = [next(same) for _, same in groupby(of_row, lambda v: (v.status, v.material, v.position))]
        since = [_certain(place, proven) for place in places]
        came = [place.committed - CLOCKS_DIFFER for place in places]
        until, gone = [*came[1:], inf], [*since[1:], inf]
        for number, place in enumerate(places):
            if place.position is not None:  # a Shop's order has none
                yield _Stay(
                    key, number, place.status, place.material, place.position,
                    came[number], since[number], until[number], gone[number],
                )  # fmt: skip


def _certain(place: Version, proven: Timeline) -> float:
    """From when everybody can see it: PostgreSQL's own moment comes a little before."""
    seen = proven.moment(place.key, place.version) or -inf
    return seen if seen > place.committed else place.committed + COMMIT_TAKES
