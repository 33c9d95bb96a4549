"""Do two releases whose payloads differ serve side by side, each from rows of its own?"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.db import connections
from pytest_django import Settings

from caching.declared import Declared
from caching.redis import relay_connection
from mes.caches import BOARD
from mes.models import WorkOrder
from mes.payload import board_row
from shop.caches import ORDERS
from shop.models import Order
from shop.payload import order_payload
from tests.caching.relays import LONG_FENCE, SteppedRelay
from tests.factories import OrderFactory, WorkOrderFactory
from tests.threads import until

pytestmark = pytest.mark.django_db(transaction=True)


def order_with_gift(order: Order) -> dict[str, Any]:
    return {**order_payload(order), "gift": False}


def row_with_gift(order: WorkOrder) -> dict[str, Any]:
    return {**board_row(order), "gift": False}


class Release:
    """The caches of one release, as its web reads them."""

    def __init__(self, orders: Any, board: Any) -> None:
        self.orders, self.board = orders, board
        self.relay = SteppedRelay([orders, board])

    def shown(self, number: str) -> list[tuple[str, bool, str]]:
        """Of the order and of the board's only row: title, whether the new field is there, Cache-Status."""
        self.orders.read(number)  # what had left the cache is filled
        found, page = self.orders.read(number), self.board.page({}, 50)
        (row,) = json.loads(b"[%b]" % page.rows)
        order = json.loads(found.payload)
        return [(shown["title"], "gift" in shown, how.partition("; ")[2]) for shown, how in (
            (order, found.status), (row, page.status)
        )]  # fmt: skip

    @contextmanager
    def leading(self, settings: Settings) -> Iterator[SteppedRelay]:
        """Its relay leads in this block; when it lets go, its fences end at once and not in a minute."""
        settings.CACHE_FENCE_SECONDS = LONG_FENCE
        self.relay.begin()
        yield self.relay
        settings.CACHE_FENCE_SECONDS = 0.5
        self.relay.renew()
        self.relay.let_go()
        partitions = [*self.orders.partitions, *self.board.partitions]
        until(lambda: not relay_connection().exists(*(p.key("fence") for p in partitions)))


@pytest.fixture
def old() -> Iterator[Release]:
    release = Release(ORDERS, BOARD)
    yield release
    release.relay.end()


@pytest.fixture
def new() -> Iterator[Release]:
    """Its caches are not registered: this process writes through as the old release does."""
    orders, board = replace(ORDERS, render=order_with_gift), replace(BOARD, render=row_with_gift)
    del Declared.registry[-2:]
    release = Release(orders, board)
    yield release
    release.relay.end()
    connections.close_all()


def rewrite(title: str) -> None:
    for model in (Order, WorkOrder):
        model.objects.update(title=title)


def test_who_has_no_relay_asks_postgresql_and_nobody_sees_the_others_payload(
    old: Release, new: Release, settings: Settings
) -> None:
    number = OrderFactory(title="First").number
    WorkOrderFactory(title="First")
    hits, misses = "hit", "fwd=bypass; detail=no-fence"

    with old.leading(settings) as relay:
        rewrite("Second")
        relay.settle()
        assert old.shown(number) == [("Second", False, hits)] * 2
        assert new.shown(number) == [("Second", True, misses)] * 2

    with new.leading(settings) as relay:  # the new release's relay takes over
        rewrite("Third")
        relay.settle()
        assert old.shown(number) == [("Third", False, misses)] * 2
        assert new.shown(number) == [("Third", True, hits)] * 2

    with old.leading(settings):  # the new release is taken back: what the old one had cached is not believed
        assert old.shown(number) == [("Third", False, hits)] * 2
        assert new.shown(number) == [("Third", True, misses)] * 2


def test_what_a_release_leaves_behind_goes_by_itself(old: Release, settings: Settings) -> None:
    number = OrderFactory().number
    WorkOrderFactory()
    with old.leading(settings):
        old.shown(number)
    partitions = [*ORDERS.partitions, *BOARD.partitions]
    left = [key for partition in partitions for key in relay_connection().keys(f"*{partition}*")]
    assert len(left) > 5
    assert all(0 < relay_connection().ttl(key) <= 3600 for key in left)
