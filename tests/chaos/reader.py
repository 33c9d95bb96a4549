"""How are a thousand answers a second read, and what each shows noted, by one process?

``python -m tests.chaos.reader <plan> <name>`` reads until SIGTERM: a few keep-alive connections, one request
at a time on each, no HTTP library, and JSON only looked at by two patterns.
"""

import json
import random
import re
import select
import signal
import socket
import sys
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.chaos.notes import (
    BYPASS,
    DROPPED,
    HIT,
    MISS,
    NOBODY,
    PARTIAL,
    REFUSED,
    TIMED_OUT,
    UNCACHED,
    Notebook,
    now,
)
from tests.chaos.plan import Plan

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.I)
_ETAG = re.compile(rb"\r\netag: *([^\r]+)", re.I)
_SOURCE = re.compile(rb"\r\ncache-status: *[\w-]+; ([^\r]+)", re.I)
_ROW = re.compile(rb'"number": ?"([AP]-\w{8})".*?"version": ?(\d+)', re.S)
_COUNTS = re.compile(rb'"counts": ?(\{[^}]*\})')

#: Seconds without an answer after which a connection is given up, and before the next is tried.
PATIENCE = 5.0
PAUSE = 0.05
#: How likely a read says what it knows already (If-None-Match).
CONDITIONAL = 0.7

BOARD = (
    "?limit=50",
    "?limit=20&status=MANUFACTURING_APPROVED",
    "?limit=20&status=MANUFACTURING_STARTED",
    "?limit=20&material=silver_925",
    "?limit=20&status=PRICE_CALCULATED&material=brass",
    "?limit=200&status=MANUFACTURING_APPROVED",
)


def source_of(head: bytes) -> int:
    """Where an answer came from, by its Cache-Status."""
    found = _SOURCE.search(head)
    if not found:
        return UNCACHED
    how = found[1]
    if how.startswith(b"hit"):
        return HIT
    return MISS if b"uri-miss" in how else PARTIAL if b"partial" in how else BYPASS


def rows_of(path: str, status: int, body: bytes) -> dict[str, int]:
    """The version of each row that an answer shows; a 404 shows that there is none."""
    prefix = "S:" if path.startswith("/api/v1/shop") else "M:"
    if status == 404:
        return {f"{prefix}{path.split('/')[5]}": 0}
    return {prefix + number.decode(): int(version) for number, version in _ROW.findall(body)}


@dataclass
class Page:
    """One address as one user asks for it, and what it showed last."""

    path: str
    who: int
    plain: bytes
    body: bytes = b""
    known: int = 0  # the number of that body in the notes
    etag: bytes = b""

    def request(self, conditional: bool) -> bytes:
        """The request's bytes."""
        if conditional and self.etag:
            return self.plain + b"If-None-Match: " + self.etag + b"\r\n\r\n"
        return self.plain + b"\r\n"


@dataclass(eq=False)
class Line:
    """A connection, and the request under way on it."""

    address: tuple[str, int]
    wire: socket.socket | None = None
    page: Page | None = None
    began: float = 0.0
    asked_for: bytes = b""  # the etag of the body that a 304 would stand for
    asked_body: int = 0
    received: bytearray = field(default_factory=bytearray)
    due: float = 0.0  # when to connect again

    def connect(self) -> None:
        self.wire = socket.create_connection(self.address, timeout=PATIENCE)
        self.wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received.clear()

    def drop(self) -> None:
        if self.wire:
            self.wire.close()
        self.wire, self.page, self.due = None, None, now() + PAUSE


class Reader:
    """Reads pages at random until told to stop."""

    def __init__(self, plan: Plan, name: str) -> None:
        self.dice = random.Random(f"{plan.seed}{name}")
        self.notebook = Notebook(plan.folder, name)
        at = urlsplit(plan.url)
        self.lines = [Line((at.hostname or "", at.port or 80)) for _ in range(plan.connections)]
        self.stop = False
        host = f"{at.hostname}:{at.port}"

        def page(path: str, who: int) -> Page:
            request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Token {plan.tokens[who]}\r\n"
            return Page(path, who, request.encode())

        orders = {**plan.drafts, **plan.unborn}
        shop = [page(f"/api/v1/shop/orders/{number}/", who) for number, who in orders.items()]
        self.kinds = [
            (60, shop),
            (30, [page(f"/api/v1/mes/orders/{query}", who) for query in BOARD for who in plan.operators]),
            (10, [page("/api/v1/mes/dashboard/", who) for who in plan.operators]),
        ]
        self.weights = [weight for weight, _ in self.kinds]

    def run(self) -> None:
        """Keep every connection busy."""
        poll = select.epoll()
        by_number: dict[int, Line] = {}
        looked = now()
        while not self.stop:
            if any(line.wire is None for line in self.lines):
                self._connect(poll, by_number)
            for number, _events in poll.poll(0.05):
                line = by_number[number]
                if not self._receive(line):
                    self._fail(line, poll, by_number, DROPPED)
            if now() - looked > 1:
                looked = now()
                for line in self.lines:
                    if line.wire and line.page and looked - line.began > PATIENCE:
                        self._fail(line, poll, by_number, TIMED_OUT)
        self.notebook.close()

    def _connect(self, poll: select.epoll, by_number: dict[int, Line]) -> None:
        for line in self.lines:
            if line.wire is None and now() >= line.due:
                began = now()
                try:
                    line.connect()
                except OSError as trouble:
                    why = TIMED_OUT if isinstance(trouble, TimeoutError) else REFUSED
                    self.notebook.failed(began, NOBODY, why)
                    line.drop()
                    continue
                assert line.wire
                by_number[line.wire.fileno()] = line
                poll.register(line.wire.fileno(), select.EPOLLIN)
                if not self._ask(line):
                    self._fail(line, poll, by_number, DROPPED)

    def _fail(self, line: Line, poll: select.epoll, by_number: dict[int, Line], why: str) -> None:
        if line.wire:
            poll.unregister(line.wire.fileno())
            del by_number[line.wire.fileno()]
        if line.page:
            self.notebook.failed(line.began, line.page.who, why)
        line.drop()

    def _ask(self, line: Line) -> bool:
        [(_, pages)] = self.dice.choices(self.kinds, self.weights)
        line.page = page = self.dice.choice(pages)
        conditional = self.dice.random() < CONDITIONAL
        line.asked_for, line.asked_body = (page.etag, page.known) if conditional else (b"", 0)
        line.began = now()
        try:
            line.wire.sendall(page.request(conditional))  # type: ignore[union-attr]
        except OSError:
            return False
        return True

    def _receive(self, line: Line) -> bool:
        try:
            chunk = line.wire.recv(1 << 18)  # type: ignore[union-attr]
        except OSError:
            return False
        if not chunk or line.page is None:
            return False
        line.received += chunk
        end = line.received.find(b"\r\n\r\n")
        if end < 0:
            return True
        head = bytes(line.received[: end + 2])
        status = int(head[9:12])
        length = _LENGTH.search(head)
        size = int(length[1]) if length and status != 304 else 0
        if len(line.received) < end + 4 + size:
            return True
        ended = now()
        body = bytes(line.received[end + 4 : end + 4 + size])
        line.received.clear()
        self._note(line, line.page, ended, status, head, body)
        return self._ask(line)

    def _note(self, line: Line, page: Page, ended: float, status: int, head: bytes, body: bytes) -> None:
        if status == 304:
            self.notebook.read(line.began, ended, line.asked_body, page.who, source_of(head))
        elif status == 200 or (status == 404 and "shop" in page.path):
            if body != page.body:
                page.body, page.known = body, self._body(page, status, body)
            etag = _ETAG.search(head)
            page.etag = etag[1] if etag else b""
            self.notebook.read(line.began, ended, page.known, page.who, source_of(head))
        else:
            self.notebook.failed(line.began, page.who, str(status))

    def _body(self, page: Page, status: int, body: bytes) -> int:
        if page.path.endswith("/dashboard/"):
            found = _COUNTS.search(body)
            assert found, body
            return self.notebook.body(page.path, counts=json.loads(found[1]))
        return self.notebook.body(page.path, rows_of(page.path, status, body))


def main() -> None:
    """Read until SIGTERM."""
    _, plan, name = sys.argv
    reader = Reader(Plan.read(plan), name)

    def stop(*_: object) -> None:
        reader.stop = True

    signal.signal(signal.SIGTERM, stop)
    reader.run()


if __name__ == "__main__":
    main()
