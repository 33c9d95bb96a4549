"""Did any read break a promise? Pure functions over everybody's notes and PostgreSQL's own history.

Of each version two moments are known: *committed*, which PostgreSQL noted a moment before others could see
it, and *proven*, when somebody had seen the version or was told of its COMMIT. A read is too old for certain
when it began more than B after a newer version was proven: that is a violation. Measured from "committed" it
may look older, by what a COMMIT takes; that figure is reported beside it and convicts nobody.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, chain
from math import inf
from typing import Any

import numpy as np

from tests.chaos.notes import BYPASS, FAILED, HIT, MISS, PARTIAL, UNCACHED, Body, Notes
from tests.chaos.tables import Version

#: Seconds that the clocks of PostgreSQL and ours may differ, and that a COMMIT may take, at most.
CLOCKS_DIFFER = 0.01
COMMIT_TAKES = 0.25
EXAMPLES = 5

Array = Any  # of numpy


@dataclass
class Finding:
    """One promise: how often it was put to the test, and how often it was broken."""

    promise: str
    tried: int = 0
    broken: int = 0
    examples: list[str] = field(default_factory=list)

    def breach(self, example: str) -> None:
        """It was broken once more."""
        self.broken += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(example)


class Timeline:
    """For each row its versions in their order, and the moment by which each of them was there."""

    def __init__(self, moments: Iterable[tuple[str, int, float]]) -> None:
        earliest: dict[tuple[str, int], float] = {}
        for key, version, at in moments:
            earliest[key, version] = min(at, earliest.get((key, version), inf))
        self.versions: defaultdict[str, list[int]] = defaultdict(list)
        self.moments: defaultdict[str, list[float]] = defaultdict(list)
        for (key, version), at in sorted(earliest.items()):
            self.versions[key].append(version)
            self.moments[key].append(at)
        for key, found in self.moments.items():
            # A version is there at the latest when one that follows it is.
            self.moments[key] = list(accumulate(reversed(found), min))[::-1]

    def superseded(self, body: Body) -> tuple[float, str]:
        """When the first of the rows shown had a newer version, and which row; infinitely late if none."""
        found = []
        for key, shown in body.rows.items():
            at = bisect_right(self.versions[key], shown) if key in self.versions else 0
            if key in self.versions and at < len(self.versions[key]):
                found.append((self.moments[key][at], key))
        return min(found, default=(inf, ""))

    def moment(self, key: str, version: int) -> float | None:
        """The moment of just this version; None for one that is not known."""
        versions = self.versions.get(key, [])
        at = bisect_right(versions, version) - 1
        return self.moments[key][at] if at >= 0 and versions[at] == version else None


@dataclass(frozen=True)
class Ages:
    """Of each read, how many seconds before it began the first of its rows had a newer version."""

    notes: Notes
    seconds: Array
    _superseded: list[tuple[float, str]]

    @classmethod
    def of(cls, notes: Notes, timeline: Timeline) -> "Ages":
        """By the moments of this timeline."""
        superseded = [(inf, "")] * len(notes.bodies)
        for number in np.unique(notes.reads["body"]):
            superseded[number] = timeline.superseded(notes.bodies[number])
        by_body = np.array([moment for moment, _ in superseded])
        return cls(notes, notes.reads["began"] - by_body[notes.reads["body"]], superseded)

    def judge(self, promise: str, tested: Array, bound: float) -> Finding:
        """How many of the reads ``tested`` that show rows are older than the bound."""
        # What shows no row can't be old: empty pages, numbers.
        tested = tested & np.array([bool(body.rows) for body in self.notes.bodies])[self.notes.reads["body"]]
        broken = tested & (self.seconds > bound)
        finding = Finding(promise, int(tested.sum()), int(broken.sum()))
        for at in np.flatnonzero(broken)[:EXAMPLES]:
            read = self.notes.reads[at]
            key = self._superseded[read["body"]][1]
            shown = self.notes.bodies[read["body"]].rows[key]
            finding.examples.append(
                f"{key} at version {shown} shown to user {read['who']} at {read['began']:.3f}, "
                f"{self.seconds[at]:.3f} s after a newer one"
            )
        return finding


def committed(versions: Iterable[Version]) -> Timeline:
    """When PostgreSQL noted each COMMIT."""
    return Timeline((version.key, version.version, version.committed) for version in versions)


def proven(notes: Notes, versions: Iterable[Version]) -> Timeline:
    """When each version was seen or acknowledged; where nobody did either, PostgreSQL's own moment."""
    versions = list(versions)
    moments = {(v.key, v.version): inf for v in versions}
    told = ((write.key, write.version, write.ended) for write in notes.writes)
    ends = first_ends(notes, notes.reads)
    seen = (
        (key, version, ended)
        for body, ended in zip(notes.bodies, ends, strict=True)
        for key, version in body.rows.items()
    )
    for key, version, ended in chain(told, seen):
        if (key, version) in moments:  # else it was never committed, which is a fault of its own
            moments[key, version] = min(ended, moments[key, version])
    for v in versions:
        if moments[v.key, v.version] == inf:
            moments[v.key, v.version] = v.committed
    return Timeline((key, version, at) for (key, version), at in moments.items())


def first_ends(notes: Notes, reads: Array) -> Array:
    """For each body the end of the first of these reads that showed it."""
    ends = np.full(len(notes.bodies), inf)
    np.minimum.at(ends, reads["body"], reads["ended"])
    return ends


def check_hits(ages: Ages, bound: float) -> Finding:
    """The promise itself."""
    cached = ages.notes.reads["how"] == HIT
    return ages.judge(f"no hit is older than B ({bound:g} s)", cached, bound)


def check_postgresql(ages: Ages) -> Finding:
    """Where the cache stepped aside, or held only a part of a page, nothing may be old at all."""
    asked = np.isin(ages.notes.reads["how"], (MISS, PARTIAL, BYPASS, UNCACHED))
    return ages.judge("what PostgreSQL answered is not old at all", asked, 0)


def check_never_committed(notes: Notes, history: Timeline) -> Finding:
    """Versions are shown only after their COMMIT, and none that was rolled back."""
    finding = Finding("nothing is shown that was not committed")
    for body, ended in zip(notes.bodies, first_ends(notes, notes.reads), strict=True):
        for key, shown in body.rows.items():
            if shown == 0 or ended == inf:
                continue
            finding.tried += 1
            moment = history.moment(key, shown)
            if moment is None:
                finding.breach(f"{key}: version {shown} was never committed")
            elif ended < moment - CLOCKS_DIFFER:
                finding.breach(f"{key}: version {shown} was seen {moment - ended:.3f} s before its COMMIT")
    return finding


def check_backwards(notes: Notes, bound: float) -> tuple[Finding, int]:
    """Nobody who has seen a version is shown an older one more than B later; and how often within B."""
    finding, within = Finding(f"nobody is taken back more than B ({bound:g} s)"), 0
    for who in np.unique(notes.reads["who"]):
        mine = notes.shown_to(who)
        ends = first_ends(mine, mine.reads)
        seen = Timeline(
            (key, version, ended)
            for body, ended in zip(mine.bodies, ends, strict=True)
            if ended < inf
            for key, version in body.rows.items()
        )
        ages = Ages.of(mine, seen)
        within += _add(finding, ages, bound)
    return finding, within


def check_own_reads(notes: Notes, bound: float) -> tuple[Finding, Array]:
    """Who was told of its own write sees it, or is within B of it; and when the reads were that did not."""
    finding, missed = Finding(f"own writes are seen within B ({bound:g} s)"), []
    for who in {write.who for write in notes.writes if write.who >= 0}:
        mine = notes.shown_to(who)
        told = Timeline((w.key, w.version, w.ended) for w in notes.writes if w.who == who)
        ages = Ages.of(mine, told)
        _add(finding, ages, bound)
        missed.append(mine.reads["began"][(ages.seconds > 0) & (ages.seconds <= bound)])
    return finding, np.concatenate(missed) if missed else np.empty(0)


def _add(finding: Finding, ages: Ages, bound: float) -> int:
    """Judge one user's reads as well; returns how many were older, but within the bound."""
    one = ages.judge("", ages.notes.reads["how"] != FAILED, bound)
    finding.tried += one.tried
    finding.broken += one.broken
    finding.examples = [*finding.examples, *one.examples][:EXAMPLES]
    return int(((ages.seconds > 0) & (ages.seconds <= bound)).sum())


def check_counts(notes: Notes, versions: Iterable[Version], bound: float) -> Finding:
    """Each count of the dashboard was right at some moment of the last B.

    A COMMIT is seen some moment after PostgreSQL has noted it, so each count has a lower and an upper course.
    """
    finding = Finding(f"counts are not older than B ({bound:g} s)")
    courses = _courses(versions)
    counted = np.array([body.counts is not None for body in notes.bodies])
    chosen = notes.reads[(notes.reads["how"] == HIT) & counted[notes.reads["body"]]]
    for began, ended, number in zip(chosen["began"], chosen["ended"], chosen["body"], strict=True):
        finding.tried += 1
        counts: Mapping[str, int] = notes.bodies[number].counts or {}
        for status, count in counts.items():
            lower, upper = courses.get(status, (_Course([]), _Course([])))
            least, most = lower.least(began - bound, ended), upper.most(began - bound, ended)
            if not least <= count <= most:
                finding.breach(f"{status}: {count} shown at {began:.3f}, but it was {least} to {most}")
    return finding


class _Course:
    """A number that changes in time."""

    def __init__(self, steps: list[tuple[float, int]]) -> None:
        steps = sorted(steps)
        self._times = [at for at, _ in steps]
        self._values = np.array([0, *accumulate(step for _, step in steps)])

    def _during(self, since: float, until: float) -> Array:
        return self._values[bisect_right(self._times, since) : bisect_right(self._times, until) + 1]

    def least(self, since: float, until: float) -> int:
        return int(self._during(since, until).min())

    def most(self, since: float, until: float) -> int:
        return int(self._during(since, until).max())


def _courses(versions: Iterable[Version]) -> dict[str, tuple[_Course, _Course]]:
    """For each status of a work order how many there were, at least and at most."""
    steps: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
    before: dict[str, str] = {}
    for version in sorted(versions, key=lambda v: (v.key, v.version)):
        if not version.key.startswith("M:"):
            continue
        if (old := before.get(version.key)) != version.status:
            steps[version.status].append((version.committed, 1))
            if old is not None:
                steps[old].append((version.committed, -1))
            before[version.key] = version.status
    late = COMMIT_TAKES
    return {
        status: (
            _Course([(at + late * (step > 0), step) for at, step in found]),
            _Course([(at + late * (step < 0), step) for at, step in found]),
        )
        for status, found in steps.items()
    }
