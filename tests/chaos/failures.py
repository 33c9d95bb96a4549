"""Did reads fail where nothing that they need was broken? Pure functions over everybody's notes."""

import numpy as np

from tests.chaos.checker import Array, Finding
from tests.chaos.notes import DROPPED, FAILED, REFUSED, TIMED_OUT, Notes

#: Seconds after a fault in which reads may still fail: connections to it are found dead and made again.
GRACE = 5.0
#: An answer like any other: a partner looks for its order in the Shop before news of it have arrived.
NOT_FOUND = "404"


def _is_excused(why: str, fault: str) -> bool:
    """Whether a fault explains such a failure. Reads need nothing else: no caches, relays, broker, Celery."""
    if fault == "postgres-killed":  # the web goes on, and says that it can't answer
        return why not in (DROPPED, REFUSED)
    if fault in ("web-killed", "settings-rolled"):
        return why in (DROPPED, REFUSED, TIMED_OUT)
    return fault == "web-worker-killed" and why == DROPPED


def check_failures(notes: Notes) -> Finding:
    """While only caches, relays, broker or Celery are broken, or nothing is, every read is answered."""
    finding = Finding("no read fails without PostgreSQL or the web broken", len(notes.reads))
    failed = notes.reads[notes.reads["how"] == FAILED]
    for number in np.unique(failed["body"]):
        why = notes.bodies[number].path
        if why == NOT_FOUND:
            continue
        chosen = failed[failed["body"] == number]
        for read in chosen[~_excused(notes, chosen, why)]:
            finding.breach(f"{why} for user {read['who']} at {read['began']:.3f} to {read['ended']:.3f}")
    return finding


def _excused(notes: Notes, reads: Array, why: str) -> Array:
    """Which of these reads, all failed for this reason, met a fault that explains it."""
    excused = np.zeros(len(reads), bool)
    for fault in notes.faults:
        if _is_excused(why, fault.name):
            excused |= (reads["ended"] >= fault.began) & (reads["began"] <= fault.ended + GRACE)
    return excused
