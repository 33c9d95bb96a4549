"""How hard PostgreSQL may be leant on when a cache steps aside: a little, then an honest refusal."""

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django.conf import settings
from django.db import OperationalError

from caching.singleflight import SingleFlight

T = TypeVar("T")

# Seconds a read waits for its turn before it is refused.
PATIENCE = 1.0


class Overloaded(OperationalError):
    """Too many reads are asking PostgreSQL at once; come again in a moment (503, Retry-After)."""


class FallbackLimit:
    """At most ``CACHE_FALLBACK_LIMIT`` reads of this process ask PostgreSQL in a cache's stead at a time."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._running = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a turn, at most :data:`PATIENCE` seconds; raises :class:`Overloaded`."""
        with self._condition:
            if not self._condition.wait_for(
                lambda: self._running < settings.CACHE_FALLBACK_LIMIT, timeout=PATIENCE
            ):
                raise Overloaded("too many reads bypass the cache at once")
            self._running += 1
        try:
            yield
        finally:
            with self._condition:
                self._running -= 1
                self._condition.notify()


_limit = FallbackLimit()
_flights = SingleFlight()


def from_postgresql(key: Hashable, read: Callable[[], T], *, share: bool = True) -> T:
    """The result of ``read``, equal reads shared, within the limit.

    ``share`` is false inside a transaction: what it sees is nobody else's business, and it waits for nobody.
    """

    def work() -> Any:
        with _limit.turn():
            return read()

    if not share:
        return read()
    result: T = _flights.do(key, work)
    return result
