"""How do pages of the site read, which call the caches without HTTP? In a process of its own, as they do.

``python -m tests.chaos.direct_reader <plan> <name>`` until SIGTERM.
"""

import random
import signal
import sys
import threading
from typing import Any
from urllib.parse import urlencode

import django

django.setup()

from django.db import DatabaseError, InterfaceError, connection  # noqa: E402

from events.errors import DomainError  # noqa: E402
from mes.caches import BOARD  # noqa: E402
from shop.caches import ORDERS  # noqa: E402
from tests.chaos.notes import NOBODY, Notebook, now  # noqa: E402
from tests.chaos.plan import Plan  # noqa: E402
from tests.chaos.reader import rows_of, source_of  # noqa: E402

VIEWS: list[tuple[dict[str, str], int]] = [
    ({}, 50),
    ({"status": "MANUFACTURING_APPROVED"}, 20),
    ({"status": "MANUFACTURING_STARTED"}, 20),
    ({"material": "brass"}, 20),
]
#: Reads between two pauses, and their length in seconds: HTTP has most of the machine.
BURST, PAUSE = 40, 0.01


class DirectReader:
    """Reads orders and pages of the board at random."""

    def __init__(self, plan: Plan, name: str) -> None:
        self.dice = random.Random(f"{plan.seed}{name}")
        self.notebook = Notebook(plan.folder, name)
        self.numbers = [*plan.drafts, *plan.unborn]
        self.known: dict[str, tuple[Any, int]] = {}

    def run(self, stop: threading.Event) -> None:
        """Read until told to stop."""
        while not stop.wait(PAUSE):
            for _ in range(BURST):
                began = now()
                try:
                    if self.dice.random() < 0.5:
                        self._order(began)
                    else:
                        self._page(began)
                except (DatabaseError, InterfaceError, DomainError) as trouble:
                    self.notebook.failed(began, NOBODY, type(trouble).__name__)
                    connection.close()
        self.notebook.close()

    def _order(self, began: float) -> None:
        number = self.dice.choice(self.numbers)
        found = ORDERS.read(number)
        ended = now()
        key = f"S:{number}"
        shown = found.version if found.payload else 0
        body = self._body(f"/api/v1/shop/orders/{number}/", shown, lambda: {key: shown})
        self._note(began, ended, body, found.status)

    def _page(self, began: float) -> None:
        filters, limit = self.dice.choice(VIEWS)
        page = BOARD.page(filters, limit)
        ended = now()
        path = f"/api/v1/mes/orders/?{urlencode({'limit': limit, **filters})}"
        body = self._body(path, page.rows, lambda: rows_of(path, 200, page.rows or b""))
        self._note(began, ended, body, page.status)

    def _body(self, path: str, content: Any, rows: Any) -> int:
        if path not in self.known or self.known[path][0] != content:
            self.known[path] = (content, self.notebook.body(path, rows()))
        return self.known[path][1]

    def _note(self, began: float, ended: float, body: int, status: str) -> None:
        how = source_of(f"\r\ncache-status: {status}\r\n".encode())
        self.notebook.read(began, ended, body, NOBODY, how)


def main() -> None:
    """Read until SIGTERM."""
    _, plan, name = sys.argv
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    DirectReader(Plan.read(plan), name).run(stop)


if __name__ == "__main__":
    main()
