"""How soon do others see a write, what does the relay bear? `python -m benchmarks.relay` writes relay.md."""

import json
import random
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import environment

environment.pin()
environment.prepare("bench_relay")

import django  # noqa: E402 - the settings read what was prepared

django.setup()

from django.conf import settings  # noqa: E402 - models need django.setup()
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts.caches import TOKENS  # noqa: E402
from accounts.models import ApiToken, User  # noqa: E402
from accounts.services import token_issue  # noqa: E402
from benchmarks import figures, report, world  # noqa: E402
from benchmarks.figures import Figure, fence_stands, fence_until_ms  # noqa: E402
from benchmarks.measure import cpu_seconds, percentile, wait_for  # noqa: E402
from caching.redis import relay_connection  # noqa: E402
from mes.caches import BOARD  # noqa: E402
from mes.models import WorkOrder  # noqa: E402

RESULTS = Path(__file__).parent / "relay.md"
ORDERS = 100_000  # all of them unclaimed, so that the board holds them all
HOW = (
    f"{ORDERS:,} work orders, all unclaimed and so all on the board; everything on one core: relay,"
    " PostgreSQL, Valkey, who writes and who reads (the board's first page, in a process of its own, a read"
    " each 5 ms)."
)
IDLE_SECONDS = 10
#: Writes of each kind until whose sight is measured.
WRITES, REVOCATIONS = 200, 100


@dataclass
class Reader:
    """Reads the board's first page until told to stop."""

    took: list[float] = field(default_factory=list)
    hits: int = 0

    @contextmanager
    def reading(self) -> Iterator[None]:
        """For as long as the block lasts."""
        stop = threading.Event()
        thread = threading.Thread(target=self._read, args=(stop,))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _read(self, stop: threading.Event) -> None:
        while not stop.wait(0.005):
            began = time.perf_counter()
            page = BOARD.page({}, 50)
            self.took.append(time.perf_counter() - began)
            self.hits += page.status.endswith("; hit")
        connection.close()

    def __str__(self) -> str:
        return (
            f"{len(self.took):,} reads, {self.hits / len(self.took):.0%} hits,"
            f" p50 {1000 * statistics.median(self.took):.1f} ms"
        )

    @property
    def p99(self) -> str:
        """Of the time a read took."""
        return f"{1000 * percentile(0.99, self.took):.1f} ms"


def visibility(how: str, name: str, target: str) -> Figure:
    """From COMMIT in one process until another one's page shows it."""
    number = WorkOrder.objects.order_by("-position").values_list("number", flat=True)[0]
    writer = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.writer", how, number],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
    )  # fmt: skip
    assert writer.stdin
    assert writer.stdout
    after = []
    for n in range(WRITES + 1):
        title = f"{how} {n} {random.random()}"
        writer.stdin.write(f"{title}\n".encode())
        while title.encode() not in (BOARD.page({}, 1).rows or b""):
            time.sleep(0.0005)
        seen = time.monotonic()
        committed = float(writer.stdout.readline())
        if n:  # the first one warms up
            after.append(seen - committed)
        time.sleep(random.uniform(0, 0.05))  # at any moment between two passes of the relay
    writer.stdin.close()
    writer.wait()
    p50, p99 = 1000 * statistics.median(after), 1000 * percentile(0.99, after)
    detail = f"{WRITES} writes, p50 {p50:.1f} ms"
    return Figure(f"commit -> visible, {name}, p99", f"{p99:.1f} ms", target, detail)


def revocations(process: "subprocess.Popen[bytes]") -> list[Figure]:
    """Tokens are revoked past the product: how long are they still taken, at last with the relay dead?"""
    took = [_revocation() for _ in range(REVOCATIONS)]
    process.kill()
    took_dead = _revocation()
    p50, p99 = 1000 * statistics.median(took), 1000 * percentile(0.99, took)
    return [
        Figure("token revoked by psql -> refused, p50", f"{p50:.1f} ms", "<= 100 ms", f"p99 {p99:.1f} ms"),
        Figure("the same, the relay killed just before", f"{took_dead:.2f} s", "<= B (2 s)", "once"),
    ]


def _revocation() -> float:
    """Seconds from the COMMIT of a revocation until the token is refused."""
    token, _key = token_issue(user=User.objects.get(username="olga"), name="benchmark")
    while not TOKENS.read(token.digest).status.endswith("; hit"):
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.05))
    ApiToken.objects.filter(pk=token.pk).update(revoked_at=timezone.now())
    began = time.perf_counter()
    while not json.loads(TOKENS.read(token.digest).payload or b"{}")["revoked"]:
        time.sleep(0.0005)
    return time.perf_counter() - began


def rebuild() -> list[Figure]:
    """Redis loses everything: how long until hits are back, and what do readers notice?"""
    reader = Reader()
    with reader.reading():
        began = time.perf_counter()
        relay_connection().flushdb(asynchronous=True)
        wait_for(fence_stands)
        seconds = time.perf_counter() - began
    return [
        Figure(f"rebuild of {ORDERS:,} unclaimed rows, readers beside it", f"{seconds:.2f} s", "<= 5 s", ""),
        Figure("p99 of the board's first page meanwhile", reader.p99, "<= 5 ms", str(reader)),
    ]


def _drain() -> float:
    """Seconds from the COMMIT of an UPDATE of every row until a fence vouches for all of it."""
    WorkOrder.objects.update(quantity=random.randint(1, 100))
    began = time.perf_counter()
    seconds, microseconds = relay_connection().time()
    vouched_for = 1000 * (seconds + settings.CACHE_FENCE_SECONDS) + microseconds / 1000
    # The log itself is not asked: to count 100,000 changes again and again would hold the relay up.
    wait_for(lambda: fence_until_ms() > vouched_for)
    return time.perf_counter() - began


def drain() -> list[Figure]:
    """A backlog as long as the table, alone and beside readers."""
    alone = _drain()
    reader = Reader()
    with reader.reading():
        beside = _drain()
    return [
        Figure(f"backlog of {ORDERS:,} changes drained", f"{alone:.2f} s", "-", "nobody reads"),
        Figure("changes applied a second", f"{ORDERS / alone:,.0f}", ">= 25,000", "nobody reads"),
        Figure("the same beside readers", f"{beside:.2f} s", "-", f"{ORDERS / beside:,.0f} changes a second"),
        Figure("p99 of the board's first page meanwhile", reader.p99, "-", str(reader)),
    ]


def idle(pid: int) -> Figure:
    """What the relay takes of a core when nothing happens."""
    began = cpu_seconds(pid)
    time.sleep(IDLE_SECONDS)
    part = (cpu_seconds(pid) - began) / IDLE_SECONDS
    return Figure("idle relay, of one core", f"{part:.1%}", "<= 2%", f"{IDLE_SECONDS} s")


def main() -> None:
    """Measure everything, print the table and write it down."""
    call_command("migrate", verbosity=0)
    world.make(ORDERS, every=1)
    lines: list[Figure] = []
    with figures.relay() as process:
        for measure in (
            lambda: [idle(process.pid)],
            lambda: [visibility("orm", "ORM write", "<= 4 ms")],
            lambda: [visibility("psql", "psql write", "<= 50 ms")],
            lambda: [visibility("killed", "process killed after COMMIT", "<= 50 ms")],
            rebuild,
            drain,
            lambda: revocations(process),
        ):
            wait_for(fence_stands)
            found = measure()
            lines += found
            print(*found, sep="\n", file=sys.stderr)
    report.write(RESULTS, "The relay, measured", HOW, "detail", lines)


if __name__ == "__main__":
    main()
