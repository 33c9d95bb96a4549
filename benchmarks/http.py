"""What does the web bear over HTTP? `python -m benchmarks.http` writes http.md; needs wrk on PATH.

Two workers as `make run` starts them; the client, PostgreSQL, Valkey and the relay share their cores.
"""

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import environment

environment.prepare("bench_http")

import django  # noqa: E402 - the settings read what was prepared

django.setup()

import requests  # noqa: E402
from django.core.management import call_command  # noqa: E402 - models need django.setup()
from django.db import connection  # noqa: E402

from accounts.roles import Role  # noqa: E402
from accounts.services import token_issue  # noqa: E402
from benchmarks import figures, report, world  # noqa: E402
from benchmarks.calls import session_cookie  # noqa: E402
from benchmarks.figures import PAGE, POLL, Figure  # noqa: E402
from benchmarks.measure import cpu_seconds, percentile, wait_for  # noqa: E402
from config.run import HOST, choose_port, programs  # noqa: E402
from events.vocabulary import Status  # noqa: E402
from mes.models import WorkOrder  # noqa: E402

RESULTS = Path(__file__).parent / "http.md"
ORDERS, ROUNDS, SECONDS = 100_000, 5, 5
OPERATORS, POLL_SECONDS, POLLING_SECONDS = 200, 2.0, 60
HOW = (
    f"{ORDERS:,} work orders; two workers as `make run` starts them; wrk, PostgreSQL, Valkey and the relay"
    f" share the cores with them. Medians of {ROUNDS} rounds of {SECONDS} s, sides in turn, and their range."
)
_EACH_ITS_OWN = """
local number = 0
function request()
  number = number + 1
  return wrk.format(nil, wrk.path .. "&limit=" .. number % 100 + 1 .. "&n=" .. number)
end
"""


@contextmanager
def web(port: int) -> Iterator[list[int]]:
    """The web at that port; its workers' process ids."""
    command = next(one.command for one in programs(port, Path()) if one.name == "web")
    process = subprocess.Popen([*command[:-1], "benchmarks.site:application"])
    try:
        wait_for(lambda: _answers(port))
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        yield [int(pid) for pid in children.split()]
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    try:
        return requests.get(f"http://{HOST}:{port}/open/", timeout=1).ok
    except requests.RequestException:
        return False


def wrk(url: str, headers: dict[str, str], connections: int, script: str = "") -> tuple[float, float, float]:
    """Requests a second, p50 and p99 in milliseconds."""
    said = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    options = ["-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", *(["-s", script] if script else [])]
    run = subprocess.run(["wrk", *options, *said, url], check=True, capture_output=True, text=True)
    if "Non-2xx" in run.stdout:
        raise ValueError(run.stdout)
    unit = {"us": 0.001, "ms": 1.0, "s": 1000.0}
    parts = [
        float(number) * unit[name]
        for number, name in re.findall(r"(?:50|99)%\s+([\d.]+)(us|ms|s)\b", run.stdout)
    ]
    found = re.search(r"Requests/sec:\s+([\d.]+)", run.stdout)
    if found is None or len(parts) != 2:
        raise ValueError(run.stdout)
    return float(found[1]), *parts  # type: ignore[return-value]


def throughput(base: str, token: dict[str, str]) -> list[Figure]:
    """Hits a second against a view that answers a constant to anybody, in turn."""
    taken: dict[str, list[tuple[float, float, float]]] = {"hit": [], "null": [], "one": []}
    for _round in range(ROUNDS):
        taken["hit"].append(wrk(f"{base}{PAGE}", token, 16))
        taken["null"].append(wrk(f"{base}/open/", {}, 16))
        taken["one"].append(wrk(f"{base}{PAGE}", token, 1))
    (rate, rates), (p99, p99s) = (_median(taken["hit"], number) for number in (0, 2))
    (null, nulls), (p50, p50s) = _median(taken["null"], 0), _median(taken["one"], 1)
    return [
        Figure("board hits a second, 16 connections", f"{rate:,.0f}", ">= 15,000", rates),
        Figure("the same / null", f"{rate / null:.1f}", ">= 3", f"null: {nulls}"),
        Figure("p99 of the hits", f"{p99:.1f} ms", "<= 6 ms", p99s),
        Figure("p50 of a hit, one connection", f"{p50:.2f} ms", "<= 0.15 ms", p50s),
    ]


def _median(rounds: list[tuple[float, float, float]], number: int) -> tuple[float, str]:
    values = sorted(one[number] for one in rounds)
    return values[len(values) // 2], f"{values[0]:,.2f} to {values[-1]:,.2f}"


class Poller:
    """The browsers of many operators, each with a session, an ETag and a connection of its own."""

    def __init__(self, port: int) -> None:
        self.port, self.took, self.bytes, self.statuses = port, list[float](), 0, dict[str, int]()

    async def poll(self, cookie: str, delay: float, until: float) -> None:
        """One browser, every two seconds."""
        reader, writer = await asyncio.open_connection(HOST, self.port)
        etag, at = "", time.monotonic() + delay
        while at < until:
            await asyncio.sleep(max(0, at - time.monotonic()))
            at += POLL_SECONDS
            began = time.monotonic()
            known = f"If-None-Match: {etag}\r\n" if etag else ""
            writer.write(
                f"GET {POLL} HTTP/1.1\r\nHost: {HOST}\r\nCookie: {cookie}\r\nAccept-Encoding: gzip\r\n"
                f"{known}\r\n".encode()
            )
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = re.search(r"(?i)content-length: (\d+)", head)
            if length:
                await reader.readexactly(int(length[1]))
            self.took.append(time.monotonic() - began)
            self.bytes += len(head) + int(length[1] if length else 0)
            status, tag = head.split()[1], re.search(r"(?i)\r\netag: (\S+)", head)
            self.statuses[status] = self.statuses.get(status, 0) + 1
            etag = tag[1] if tag else ""
        writer.close()

    async def all(self, cookies: list[str], seconds: float) -> None:
        """All browsers, spread over the two seconds."""
        until = time.monotonic() + seconds
        delays = (POLL_SECONDS * number / len(cookies) for number in range(len(cookies)))
        await asyncio.gather(
            *(self.poll(cookie, delay, until) for cookie, delay in zip(cookies, delays, strict=True))
        )


def polls(port: int, workers: list[int]) -> list[Figure]:
    """Many operators look at the board, on which something changes each second."""
    cookies = [session_cookie(world.user(f"operator{number}", Role.OPERATOR)) for number in range(OPERATORS)]
    stop = threading.Event()
    threading.Thread(target=_write, args=(stop,)).start()
    asyncio.run(Poller(port).all(cookies, 3 * POLL_SECONDS))  # warms up
    poller, before = Poller(port), sum(map(cpu_seconds, workers))
    asyncio.run(poller.all(cookies, POLLING_SECONDS))
    used = (sum(map(cpu_seconds, workers)) - before) / POLLING_SECONDS
    stop.set()
    p50, p99 = (1000 * percentile(part, poller.took) for part in (0.5, 0.99))
    answers = ", ".join(f"{count:,} x {status}" for status, count in sorted(poller.statuses.items()))
    each = poller.bytes / len(poller.took) / 1000
    return [
        Figure(f"{OPERATORS} operators polling: the web, of one core", f"{used:.1%}", "<= 10 %", answers),
        Figure("their p99", f"{p99:.1f} ms", "<= 50 ms", f"p50 {p50:.1f} ms"),
        Figure("bytes a poll", f"{each:.1f} kB", "<= 8 kB", "gzip"),
    ]


def memory(base: str, token: dict[str, str], workers: list[int]) -> Figure:
    """What the workers keep after many hits, each of an address of its own."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_EACH_ITS_OWN)
        script.flush()
        kept = []
        for _ in range(ROUNDS):
            wrk(f"{base}{PAGE}", token, 16, script.name)
            kept.append(sum(map(_resident, workers)) / 2**20)
    growth = ", ".join(f"{size:.0f}" for size in kept)
    return Figure("memory of both workers after different hits", f"{kept[-1]:.0f} MiB", "flat", growth)


def _resident(pid: int) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return 1024 * int(found[1] if found else 0)


def _write(stop: threading.Event) -> None:
    """An order of the first page changes, each second."""
    order = WorkOrder.objects.filter(status=Status.MANUFACTURING_APPROVED).order_by("-position")[20]
    while not stop.wait(1):
        order.title = f"Ring {time.monotonic()}"
        order.save()
    connection.close()


def main() -> None:
    """Measure everything, print the table and write it down."""
    if not shutil.which("wrk"):
        sys.exit("Needs wrk on PATH (Debian's package wrk).")
    call_command("migrate", verbosity=0)
    operator, _client, _order = world.make(ORDERS)
    token = {"Authorization": f"Token {token_issue(user=operator, name='benchmark')[1]}"}
    port = choose_port()
    base = f"http://{HOST}:{port}"
    with figures.relay(), web(port) as workers:
        while "; hit" not in requests.get(f"{base}{PAGE}", headers=token, timeout=5).headers["Cache-Status"]:
            time.sleep(0.1)
        lines = [*throughput(base, token), *polls(port, workers), memory(base, token, workers)]
    report.write(RESULTS, "Over HTTP, measured", HOW, "detail", lines)


if __name__ == "__main__":
    main()
