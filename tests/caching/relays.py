"""A relay beside a test: one whose passes the test drives one by one, and one that runs by itself."""

import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from django.db import connection, connections

from caching.declared import Declared
from caching.leadership import leadership
from caching.redis import relay_connection
from caching.relay import Relay
from tests.threads import in_background, until

PATIENCE = 30  # seconds until a pass that doesn't end fails the test
#: For tests whose relay passes only when told: the fence stands between two passes.
LONG_FENCE = 60
T = TypeVar("T")


def fences() -> int:
    """How many partitions have a fence."""
    partitions = [partition for cache in Declared.registry for partition in cache.partitions]
    return int(relay_connection().exists(*(partition.key("fence") for partition in partitions)))


def all_fences_stand() -> bool:
    """Whether every partition has its fence."""
    return fences() == sum(len(cache.partitions) for cache in Declared.registry)


def epochs() -> dict[str, str]:
    """By partition: its epoch and why it began; a rebuild changes them."""
    heads = {
        str(partition): relay_connection().hmget(partition.key("head"), "epoch", "rebuilt_why")
        for cache in Declared.registry
        for partition in cache.partitions
    }
    return {name: b", ".join(filter(None, values)).decode() for name, values in heads.items()}


class SteppedRelay:
    """A relay that leads, in a thread and a PostgreSQL session of its own, and passes when told to."""

    def __init__(self, caches: list[Declared[Any]] | None = None) -> None:
        self.relay = Relay(caches)
        self._caches = Declared.registry if caches is None else caches
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="relay")
        self._lead = ExitStack()

    def do(self, work: Callable[[], T]) -> T:
        """Run something in the relay's thread, on its session; what it returned or raised."""
        return self.start(work).result(PATIENCE)

    def start(self, work: Callable[[], T]) -> "Future[T]":
        """The same, without waiting for it."""
        return self._thread.submit(work)

    def begin(self) -> None:
        """Begin to lead, and pass until everything is rebuilt and the fences stand."""
        self.do(lambda: self.relay.begin(self._lead.enter_context(leadership()), "test"))
        self.settle()

    def run_pass(self) -> bool:
        """One pass; whether there is more to do."""
        return self.do(self.relay.run_pass)

    def settle(self) -> None:
        """Pass until nothing is left to do and the fences are renewed."""
        while self.run_pass() or self.renew():
            pass

    def renew(self) -> bool:
        """A pass that renews the fences, due or not; whether there is more to do."""
        self.relay._renewed_at = -math.inf
        return self.run_pass()

    @contextmanager
    def paused_pass(self, after: str) -> Iterator[int]:
        """A pass that stands still after the statement with ``after`` for as long as the block lasts;
        brings the process id of its PostgreSQL session."""
        session = self.session()
        reached, released = threading.Event(), threading.Event()

        def stop(execute: Callable[..., Any], sql: str, *args: Any) -> Any:
            result = execute(sql, *args)
            if after in sql and not reached.is_set():
                reached.set()
                released.wait(PATIENCE)
            return result

        def run() -> bool:
            with connection.execute_wrapper(stop):
                return self.relay.run_pass()

        passed = self.start(run)
        try:
            assert reached.wait(PATIENCE), f"never came to a statement with {after!r}"
            yield session
        finally:
            released.set()
            passed.result(PATIENCE)

    def session(self) -> int:
        """The process id of its PostgreSQL session."""

        def pid() -> int:
            return int(connection.connection.get_backend_pid())

        return self.do(pid)

    def let_go(self) -> None:
        """Let go of the leadership, as a relay that is told to stop."""
        self.do(self._lead.close)

    def end(self) -> None:
        """Let go of everything."""
        self.let_go()
        self.do(connections.close_all)
        self._thread.shutdown()


@contextmanager
def stepped() -> Iterator[SteppedRelay]:
    """A stepped relay that leads, its fences standing; set a long CACHE_FENCE_SECONDS first."""
    relay = SteppedRelay()
    relay.begin()
    try:
        yield relay
    finally:
        relay.end()


@contextmanager
def running() -> Iterator[Relay]:
    """A relay that runs in a thread of its own, its fences standing."""
    relay, stop = Relay(), threading.Event()
    ended = in_background(lambda: relay.run(stop))
    try:
        until(lambda: ended.done() or all_fences_stand())
        yield relay
    finally:
        stop.set()
        ended.result(PATIENCE)
