"""Equal reads at the same time in one process become one, without anybody being served the past."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class _Flight(Generic[T]):
    def __init__(self, previous: "_Flight[T] | None") -> None:
        self.previous = previous
        self.result: Future[T] = Future()


class SingleFlight:
    """``do(key, work)`` runs ``work`` once for all who asked **before it began**.

    Who comes while it runs might need what was committed after its SELECT, so those wait for the next
    flight, which one of them flies for all. At most one runs and one waits for each key. The idea is Go's
    x/sync/singleflight, without its sharing of answers older than the question.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[Hashable, _Flight[Any]] = {}
        self._running: dict[Hashable, _Flight[Any]] = {}

    def do(self, key: Hashable, work: Callable[[], T]) -> T:
        """The result of ``work``, by this caller or by another who began after this call; or its error."""
        with self._lock:
            leads = key not in self._waiting
            flight: _Flight[T] = self._waiting.setdefault(key, _Flight(self._running.get(key)))
        if not leads:
            return flight.result.result()
        if flight.previous is not None:
            flight.previous.result.exception()  # waits; its error is its callers'
        with self._lock:
            del self._waiting[key]
            self._running[key] = flight
        try:
            flight.result.set_result(work())
        except BaseException as error:
            flight.result.set_exception(error)
        finally:
            flight.previous = None
            with self._lock:
                if self._running.get(key) is flight:
                    del self._running[key]
        return flight.result.result()
