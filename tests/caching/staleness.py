"""Was a read older than it may be? Writes and reads are noted with their times, and judged afterwards."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Read:
    """What one request showed: a version by key, between two moments (seconds of one clock)."""

    began: float
    ended: float
    how: str
    versions: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Stale:
    """A version that was shown ``age`` seconds after the next one had been committed."""

    key: str
    shown: int
    age: float
    read: Read


@dataclass
class Ledger:
    """What was written and read; lists are appended to by many threads at once."""

    reads: list[Read] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    #: By key: (version, moment by which its COMMIT had returned).
    writes: defaultdict[str, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))

    def stale(self, bound: float) -> list[Stale]:
        """Every version shown longer than ``bound`` seconds after a newer one had been committed.

        Only what was committed before the read began counts, so a read that overlaps a COMMIT may show
        either. Versions of a row are committed in their order: the first newer one tells the age.
        """
        found: list[Stale] = []
        history = {key: sorted(writes) for key, writes in self.writes.items()}
        versions = {key: [version for version, _ in writes] for key, writes in history.items()}
        for read in self.reads:
            for key, shown in read.versions.items():
                at = bisect_right(versions.get(key, []), shown)
                if at < len(history.get(key, [])):
                    age = read.began - history[key][at][1]
                    if age > bound:
                        found.append(Stale(key, shown, age, read))
        return found

    def oldest(self) -> float:
        """Seconds the stalest version shown was behind; 0 when none was."""
        return max((stale.age for stale in self.stale(0)), default=0.0)

    def hit_rate(self, since: float = 0.0, until: float = float("inf")) -> float:
        """Part of the reads begun in that time that the caches answered."""
        hits = [read.how.endswith("; hit") for read in self.reads if since <= read.began < until]
        return sum(hits) / len(hits) if hits else 0.0

    def percentile(self, part: float, since: float = 0.0, until: float = float("inf")) -> float:
        """Seconds within which that part of the reads begun in that time was answered."""
        took = sorted(read.ended - read.began for read in self.reads if since <= read.began < until)
        return took[min(int(part * len(took)), len(took) - 1)] if took else 0.0
