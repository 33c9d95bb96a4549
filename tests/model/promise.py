"""What may a reader be shown? What was current within the last B, and no less than its writer saw."""

import json
from collections.abc import Mapping
from typing import Any

from caching.board import Page
from caching.entity import Found
from tests.model.actors import Clock
from tests.model.items import KEYS, Filters, Item, counts, payload

#: B (CACHE_FENCE_SECONDS), and the millisecond by which Redis ends a key's life.
B_US = 2_001_000


class Violation(AssertionError):
    """The promise is broken."""


class Window:
    """What a read may show: states current between two moments (microseconds), and of each key none older
    than the state that ``floors`` names, for its writer was told that it can be seen."""

    def __init__(self, history: "History", since: int, until: int, floors: Mapping[str, int]) -> None:
        self.since, self.until = since, until
        self._history, self._floors = history, floors
        self._states: dict[str, list[Item | None]] = {}

    def states(self, key: str) -> list[Item | None]:
        """The states of a row that a read may show."""
        if key not in self._states:
            self._states[key] = self._history.states(key, self.since, self.until, self._floors.get(key, 0))
        return self._states[key]

    def counts(self) -> list[dict[str, int]]:
        """The numbers by status that a read may show."""
        return self._history.counts(self.since, self.until)

    def longer(self, until: int) -> "Window":
        """One that ends later."""
        return Window(self._history, self.since, until, self._floors)


class History:
    """Every state that was ever committed, and from when to when it was current."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._states: dict[str, list[tuple[int, Item | None]]] = {key: [(0, None)] for key in KEYS}
        self._counts: list[tuple[int, dict[str, int]]] = [(0, {})]

    def record(self, rows: Mapping[str, Item]) -> None:
        """A transaction has been committed, and this is what there is now."""
        for key, states in self._states.items():
            if states[-1][1] != rows.get(key):
                states.append((self._clock.now_us, rows.get(key)))
        self._counts.append((self._clock.now_us, counts(rows)))

    def newest(self, key: str) -> int:
        """The number of the current state of a row."""
        return len(self._states[key]) - 1

    def states(self, key: str, since: int, until: int, floor: int) -> list[Item | None]:
        """The states of a row that were current at some moment of that time, from number ``floor`` on."""
        return _current(self._states[key], since, until, floor)

    def counts(self, since: int, until: int) -> list[dict[str, int]]:
        """The numbers by status that were true at some moment of that time."""
        return _current(self._counts, since, until, 0)

    def now(self) -> Window:
        """Nothing but what is current."""
        floors = {key: self.newest(key) for key in KEYS}
        return Window(self, self._clock.now_us, self._clock.now_us, floors)


def _current(states: list[tuple[int, Any]], since: int, until: int, floor: int) -> list[Any]:
    found = []
    for number in range(len(states) - 1, floor - 1, -1):
        began, state = states[number]
        if began <= until:
            found.append(state)
        if began < since:  # and with it the one before ended
            break
    return found


class Promise:
    """The invariants of the protocol: each raises :class:`Violation` for what must not be shown."""

    def row(self, key: str, found: Found, window: Window) -> None:
        """A single row, or that there is none."""
        shown = (found.payload and json.loads(found.payload), found.owner)
        allowed = [(payload(state), state.owner) if state else (None, "") for state in window.states(key)]
        self._decide(shown in allowed, f"{key} is shown as", shown, allowed, window)

    def page(
        self,
        filters: Filters,
        after: int | None,
        end: int | None,
        shown: list[dict[str, Any]],
        window: Window,
    ) -> None:
        """A page: each row on it, and each that is not although the page reaches from ``after`` down to
        ``end`` (positions; None: the top, the bottom)."""
        top = float("inf") if after is None else after
        bottom = float("-inf") if end is None else end
        by_key = {row["number"]: row for row in shown}
        self._decide(len(by_key) == len(shown), "a row stands twice on", filters, shown, window)
        for key in KEYS:
            allowed = [
                payload(state)
                if state is not None and state.passes(filters) and bottom <= state.position < top
                else None
                for state in window.states(key)
            ]
            what = f"the page {filters} from {top} to {bottom} shows {key} as"
            self._decide(by_key.get(key) in allowed, what, by_key.get(key), allowed, window)

    def count(self, filters: Filters, count: int, window: Window) -> None:
        """How many rows pass the filters."""
        least = most = 0
        for key in KEYS:
            passing = [state is not None and state.passes(filters) for state in window.states(key)]
            least, most = least + all(passing), most + any(passing)
        self._decide(least <= count <= most, f"the count of {filters} is", count, [least, most], window)

    def counts(self, shown: dict[str, int], window: Window) -> None:
        """The numbers by status, all of one moment."""
        allowed = window.counts()
        self._decide(shown in allowed, "the counts are", shown, allowed, window)

    def as_of(self, as_of: int, window: Window) -> None:
        """When the numbers by status were so."""
        self._decide(window.until - B_US <= as_of <= window.until, "the counts are as of", as_of, [], window)

    def same(self, kept: list[Any], fresh: list[Any], window: Window) -> None:
        """What an ETag vouches for is what anybody else is told."""
        self._decide(kept == fresh, "the same is", kept, fresh, window)

    def _decide(self, holds: bool, what: str, shown: Any, allowed: Any, window: Window) -> None:
        if not holds:
            raise Violation(f"{what} {shown}, but between {window.since} and {window.until} it was {allowed}")


def rows_of(page: Page) -> list[dict[str, Any]]:
    """The rows of a page, read."""
    rows: list[dict[str, Any]] = json.loads(b"[" + (page.rows or b"") + b"]")
    return rows
