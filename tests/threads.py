"""How does a test make several things happen at once, each on a database connection of its own?"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from django.db import connection, connections

PATIENCE = 20  # seconds until a test that waits in vain fails


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run the calls in as many threads, started together; what each returned or raised, in their order."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        try:
            start.wait(PATIENCE)
            return call()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


class Paused:
    """A call in a thread of its own that stops inside its transaction, after the statement that contains
    ``after``, until :meth:`go_on`; once only."""

    def __init__(self, call: Callable[[], Any], after: str) -> None:
        self._after = after
        self._reached, self._released = threading.Event(), threading.Event()
        self._pool = ThreadPoolExecutor(1)
        self._future: Future[Any] = self._pool.submit(self._run, call)

    def __enter__(self) -> "Paused":
        if not self._reached.wait(PATIENCE):
            raise AssertionError(f"never came to a statement with {self._after!r}")
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._pool.shutdown()

    def go_on(self) -> Any:
        """Let the call run to its end; what it returned or raised."""
        self._released.set()
        return self._future.exception(PATIENCE) or self._future.result()

    def _run(self, call: Callable[[], Any]) -> Any:
        try:
            with connection.execute_wrapper(self._stop):
                return call()
        finally:
            connections.close_all()

    def _stop(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        if self._after in sql and not self._reached.is_set():
            self._reached.set()
            self._released.wait(PATIENCE)
        return result


def in_background(call: Callable[[], Any]) -> "Future[Any]":
    """Run the call in a thread of its own."""
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)
        finally:
            connections.close_all()

    threading.Thread(target=run, daemon=True).start()
    return future


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, looking often; fails when it never comes true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "never came true"
        time.sleep(0.005)


def somebody_waits_for_a_lock() -> bool:
    """Whether some other connection to this database is blocked by a row another one holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
        )
        return bool(cursor.fetchone()[0])
