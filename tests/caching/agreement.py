"""Does what the caches answer agree with PostgreSQL, row by row, view by view, count by count?"""

import json
from collections import Counter
from contextlib import suppress
from itertools import product
from typing import Any

from caching.redis import CacheUnavailable
from events.vocabulary import Material, Status
from mes.caches import BOARD
from mes.models import WorkOrder
from mes.payload import board_row
from shop.caches import ORDERS
from shop.models import Order
from shop.payload import order_payload
from tests.threads import until


class Bypassed(AssertionError):
    """The cache stepped aside, so it can't be compared."""


def board_view(**filters: str) -> list[dict[str, Any]]:
    """A whole view from the cache; raises :class:`Bypassed` when it steps aside."""
    rows: list[dict[str, Any]] = []
    after = None
    while True:
        page = BOARD.page(filters, 100, after)
        if page.status != "mes-board; hit":
            raise Bypassed(page.status)
        rows += json.loads(b"[" + (page.rows or b"") + b"]")
        if page.next_after is None:
            return rows
        after = page.next_after


def assert_board_agrees() -> None:
    """Each view of the board, in its order, is what PostgreSQL has; and so are the counts by status."""
    stored = list(WorkOrder.objects.order_by("-position"))
    for status, material in product([None, *Status], [None, *Material]):
        filters = {
            facet: value for facet, value in (("status", status), ("material", material)) if value is not None
        }
        expected = [
            board_row(row)
            for row in stored
            if all(getattr(row, facet) == value for facet, value in filters.items())
        ]
        assert board_view(**filters) == expected, filters
    assert BOARD.counts().counts == Counter(row.status for row in stored)


def assert_board_agrees_soon() -> None:
    """The same beside a relay that runs by itself, whose fence may lapse while a busy machine compares."""

    def agrees() -> bool:
        with suppress(Bypassed, CacheUnavailable):
            assert_board_agrees()
            return True
        return False

    until(agrees)


def assert_order_agrees(number: str) -> None:
    """A Shop order's hit, or the hit that there is none, is what PostgreSQL has."""
    ORDERS.read(number)  # what had left the cache is filled
    found = ORDERS.read(number)
    assert found.status == "shop-order; hit", found.status
    row = Order.objects.filter(number=number).first()
    cached = None if found.payload is None else json.loads(found.payload)
    assert cached == (None if row is None else order_payload(row))
