"""What came of a run: every promise with its tries and breaches, and the figures beside them?"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from tests.chaos import checker, entries, failures, orders, pages, picture
from tests.chaos.checker import Ages, Finding
from tests.chaos.notes import FAILED, HIT, HOW, NOBODY, Notes
from tests.chaos.tables import Tables

#: Seconds after a fault in which it may still be felt: a failover, a rebuild, the breaker.
ECHO = 5.0


@dataclass
class Verdict:
    """Findings, each a promise; figures, for whoever wants to know how hard it was tried."""

    findings: list[Finding]
    figures: dict[str, Any] = field(default_factory=dict)
    picture: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether every promise was kept."""
        return not any(finding.broken for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON-ready values."""
        return {"clean": self.is_clean, "findings": list(map(asdict, self.findings)), "figures": self.figures}


def judge(notes: Notes, tables: Tables, told: Mapping[str, Any], bound: float) -> Verdict:
    """Check everything. ``told`` is what the simulation's ledger has, ``bound`` is B in seconds."""
    history = checker.committed(tables.versions)
    proven = checker.proven(notes, tables.versions)
    certain, at_most = Ages.of(notes, proven), Ages.of(notes, history)
    backwards, backwards_within = checker.check_backwards(notes, bound)
    own, own_missed = checker.check_own_reads(notes, bound)
    findings = [
        checker.check_hits(certain, bound),
        checker.check_postgresql(certain),
        checker.check_never_committed(notes, history),
        pages.check_missing(notes, tables.versions, proven, bound),
        failures.check_failures(notes),
        backwards,
        own,
        checker.check_counts(notes, tables.versions, bound),
        *entries.check_entries(notes, bound),
        orders.check_double_claims(notes.claims, tables),
        orders.check_answered_claims(notes.claims, tables),
        orders.check_events_handled(tables),
        orders.check_news_sent(tables),
        orders.check_news_arrived(tables),
        orders.check_history(tables),
        orders.check_accounted(told, tables),
        _no_strange_answers(told),
    ]
    hits = notes.reads["how"] == HIT
    figures = {
        **_reads(notes),
        "hits_older_than_0": int((hits & (certain.seconds > 0)).sum()),
        "oldest_hit_s": _most(certain.seconds[hits]),
        "oldest_hit_by_commit_time_s": _most(at_most.seconds[hits]),
        "hits_beyond_b_by_commit_time": int((hits & (at_most.seconds > bound)).sum()),
        "backwards_within_b": backwards_within,
        "own_writes_missed_within_b": len(own_missed),
        "own_writes_missed_in_calm": int(sum(is_calm(notes, moment) for moment in own_missed)),
        "writes_acknowledged": dict(Counter(write.by for write in notes.writes)),
        "versions_committed": len(tables.versions),
        "rights_taken": entries.ways(notes),
        "let_in_last_after_s": entries.latest_entry(notes),
        "claims": dict(Counter(claim.answer or "no answer" for claim in notes.claims)),
        "events": len(tables.events),
        "orders": len({key[2:] for key in tables.statuses}),
        "orders_finished": len(told["finished"]),
        "faults": dict(Counter(fault.name for fault in notes.faults)),
    }
    return Verdict(findings, figures, picture.draw(notes, certain.seconds, bound))


def is_calm(notes: Notes, moment: float) -> bool:
    """Whether no fault was under way or just over."""
    return not any(fault.began <= moment <= fault.ended + ECHO for fault in notes.faults)


def _reads(notes: Notes) -> dict[str, Any]:
    reads = notes.reads
    rows = np.array([len(body.rows) for body in notes.bodies])
    how = np.bincount(reads["how"], minlength=len(HOW))
    answered = int(len(reads) - how[FAILED])
    seconds = float(reads["ended"].max() - reads["began"].min()) if len(reads) else 0
    times = (reads["ended"] - reads["began"])[reads["how"] == HIT]
    why = np.bincount(reads["body"][reads["how"] == FAILED], minlength=len(notes.bodies))
    failures_by: Counter[str] = Counter()
    for at in np.flatnonzero(why):
        failures_by[notes.bodies[at].path] += int(why[at])
    return {
        "seconds": round(seconds, 1),
        "reads": answered,
        "reads_over_http": int(((reads["who"] != NOBODY) & (reads["how"] != FAILED)).sum()),
        "reads_a_second": round(answered / seconds, 1) if seconds else 0,
        "rows_shown": int(rows[reads["body"]].sum()) if len(reads) else 0,
        "hit_rate": round(float(how[HIT] / answered), 4) if answered else 0,
        "reads_by_source": {name: int(count) for name, count in zip(HOW, how, strict=True)},
        "reads_failed": dict(failures_by),
        "hit_p50_p99_ms": [round(float(p) * 1000, 1) for p in np.percentile(times, (50, 99))]
        if len(times)
        else [],
    }  # fmt: skip


def _most(seconds: Any) -> float:
    return round(float(np.max(seconds, initial=0)), 3)


def _no_strange_answers(told: Mapping[str, Any]) -> Finding:
    finding = Finding("nobody gets an answer that should not have been", len(told["created"]))
    for refusal, times in told["refusals"].items():
        for _ in range(times):
            finding.breach(refusal)
    return finding
