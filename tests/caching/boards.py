"""Boards for tests: many orders at once, and every row of a view page by page."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from caching.board import Page
from caching.redis import relay_connection
from events.vocabulary import UNCLAIMED, Material, Status, new_number
from mes.caches import BOARD
from mes.models import WorkOrder
from mes.payload import board_row
from tests.factories import MODEL, UserFactory

Filters = dict[str, str]


def fill(statuses: Iterable[Status], material: Material = Material.SILVER_925) -> list[str]:
    """One order in each of these statuses, the first is the oldest; their numbers."""
    operator = UserFactory()
    free = {*UNCLAIMED, Status.CANCELLED}
    orders = [
        WorkOrder(
            number=new_number("A"),
            status=status,
            title=f"Ring {n}",
            material=material,
            quantity=1,
            model=MODEL,
            operator=None if status in free else operator,
            operator_name="" if status in free else operator.username,
        )
        for n, status in enumerate(statuses)
    ]
    return [order.number for order in WorkOrder.objects.bulk_create(orders)]


def cached() -> set[str]:
    """The numbers of all orders the board's cache holds."""
    keys: list[bytes] = relay_connection().hkeys(BOARD.partition.key("rows"))
    return {key.decode() for key in keys}


def rows_of(page: Page) -> list[dict[str, Any]]:
    """The rows of a page."""
    assert page.rows is not None
    found: list[dict[str, Any]] = json.loads(b"[%b]" % page.rows)
    return found


def whole(
    limit: int, filters: Filters | None = None, between: Callable[[], None] = lambda: None
) -> list[dict[str, Any]]:
    """All rows of a view, page by page, none of which bypassed the cache; ``between`` runs between pages."""
    rows: list[dict[str, Any]] = []
    after = None
    while True:
        page = BOARD.page(filters or {}, limit, after)
        assert page.status in ("mes-board; hit", "mes-board; fwd=partial"), page.status
        shown = rows_of(page)
        assert len(shown) == limit or page.next_after is None
        rows += shown
        if page.next_after is None:
            return rows
        after = page.next_after
        between()


def stored(**filters: str) -> list[dict[str, Any]]:
    """All rows of a view as PostgreSQL has them."""
    return [board_row(order) for order in WorkOrder.objects.for_board().filter(**filters)]
