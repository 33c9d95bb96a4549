"""Medians with their spread, of sides taken in turn, so that whatever slows the machine slows all of them."""

import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

ROUNDS = 7


@dataclass(frozen=True)
class Timing:
    """Seconds a call: the median of the rounds, and half of their range."""

    seconds: float
    spread: float

    def __str__(self) -> str:
        return f"{self.seconds * 1e6:,.0f} ± {self.spread * 1e6:,.0f} µs"


def interleaved(
    sides: Mapping[str, Callable[[], object]],
    calls: int = 200,
    rounds: int = ROUNDS,
    before: Mapping[str, Callable[[], object]] | None = None,
) -> dict[str, Timing]:
    """Each side ``calls`` times a round, round after round; the first, unmeasured, warms up. What stands in
    ``before`` is done before each call of that side, unmeasured."""
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, call in sides.items():
            prepare = (before or {}).get(name)
            seconds = sum(_timed(call, prepare) for _ in range(calls)) if prepare else _timed_all(call, calls)
            if number:
                taken[name].append(seconds / calls)
    return {
        name: Timing(statistics.median(times), (max(times) - min(times)) / 2) for name, times in taken.items()
    }


def _timed_all(call: Callable[[], object], calls: int) -> float:
    began = time.perf_counter()
    for _ in range(calls):
        call()
    return time.perf_counter() - began


def _timed(call: Callable[[], object], prepare: Callable[[], object]) -> float:
    prepare()
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def percentile(part: float, values: list[float]) -> float:
    """The least value that so large a part of them does not exceed."""
    return sorted(values)[min(int(part * len(values)), len(values) - 1)]


def wait_for(fact: Callable[[], bool]) -> None:
    """Look every few milliseconds."""
    while not fact():
        time.sleep(0.005)


def cpu_seconds(pid: int) -> float:
    """What a process has used so far."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
