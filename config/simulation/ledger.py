"""What did the site promise to whom, and how long did each answer take?"""

import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field


@dataclass
class Ledger:
    """The notes all actors share. A promise is written down only once the site has answered it."""

    created: set[str] = field(default_factory=set)  # numbers, answered 201
    submitted: set[str] = field(default_factory=set)
    finished: set[str] = field(default_factory=set)
    approved: dict[str, float] = field(default_factory=dict)  # number -> monotonic time of the answer
    shipped: dict[str, float] = field(default_factory=dict)
    claims: list[tuple[str, int]] = field(default_factory=list)  # (number, operator's id), answered 200
    counts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)  # lost connections, 5xx: tried again
    refusals: Counter[str] = field(default_factory=Counter)  # answers that should not have been
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # by step
    _seen: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str) -> None:
        """One more of these."""
        with self._lock:
            self.counts[what] += 1

    def fail(self, kind: str) -> None:
        """One more error of this kind."""
        with self._lock:
            self.errors[kind] += 1

    def refuse(self, refusal: object) -> None:
        """One more answer nobody could have expected, such as "not found" for an order just placed."""
        with self._lock:
            self.refusals[str(refusal)] += 1

    def took(self, step: str, seconds: float) -> None:
        """How long a step took, in seconds."""
        with self._lock:
            self.seconds[step].append(seconds)

    def claimable(self, number: str) -> None:
        """An operator sees an approved order on the board; the first sight of it is noted."""
        with self._lock:
            if number in self._seen or number not in self.approved:
                return
            self._seen.add(number)
        self.took("approve -> claimable", time.monotonic() - self.approved[number])
