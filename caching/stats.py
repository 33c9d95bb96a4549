"""Hits, misses and bypasses: counted in the process, flushed to Redis each second, shown by cache_status."""

import os
import threading
from collections import Counter
from functools import cache
from typing import Final

from prometheus_client import Counter as PrometheusCounter

from caching.lines import installation
from caching.redis import CacheUnavailable, Script, call

FLUSH_SECONDS: Final = 1.0
READS = PrometheusCounter("cache_reads", "Reads of a cache.", ["cache", "outcome"])

_add = Script("stats_add")
_reads = cache(READS.labels)
_lock = threading.Lock()
_counts: Counter[tuple[str, str]] = Counter()
_flusher_pid = 0


def key(cache: str) -> str:
    """Where a cache's counters are: a hash outcome -> reads, for ever growing."""
    return f"{{{cache}.{installation()}}}:stats"


def count(name: str, outcome: str) -> None:
    """Count one read of a cache; outcome is hit, miss, partial or bypass."""
    global _flusher_pid  # noqa: PLW0603 - a forked child needs a flusher of its own
    _reads(name, outcome).inc()
    with _lock:
        _counts[name, outcome] += 1
        if _flusher_pid != os.getpid():
            _flusher_pid = os.getpid()
            threading.Thread(target=_flush_for_ever, name="cache-stats", daemon=True).start()


def _flush_for_ever() -> None:
    pause = threading.Event()
    while not pause.wait(FLUSH_SECONDS):
        flush()


def flush() -> None:
    """Add what was counted since the last flush; what can't be delivered waits for the next one."""
    with _lock:
        counted = dict(_counts)
        _counts.clear()
    for (name, outcome), reads in counted.items():
        try:
            call(_add, [key(name)], (outcome, reads))
        except CacheUnavailable:
            with _lock:
                _counts[name, outcome] += reads
