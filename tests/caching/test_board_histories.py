"""After whatever history, does every view of the board, page by page, agree with PostgreSQL?

Random histories of everything that happens to orders, through services, the ORM and SQL, with the relay
passing now and then, retention at work and the horizon in the middle of it all.
"""

import json
import random
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.models import User
from caching.board import Page
from events.vocabulary import Material, Status
from mes.caches import BOARD
from mes.claims import work_order_advance, work_order_claim, work_order_release
from mes.models import NextPosition, WorkOrder
from tests.caching.boards import Filters, stored, whole
from tests.caching.relays import SteppedRelay
from tests.factories import WorkOrderFactory

S = Status
STATUSES = [None, S.SUBMITTED, S.MANUFACTURING_APPROVED, S.MANUFACTURING_STARTED, S.CANCELLED]
MATERIALS = [None, Material.BRASS, Material.GOLD_750]
VIEWS: list[Filters] = [
    {facet: value for facet, value in (("status", status), ("material", material)) if value is not None}
    for status, material in product(STATUSES, MATERIALS)
]


class History:
    """What may happen; ``chance`` picks whom it happens to."""

    def __init__(self, relay: SteppedRelay, operator: User, chance: random.Random) -> None:
        self.relay, self.operator, self.chance = relay, operator, chance

    def _one(self, **filters: str) -> WorkOrder | None:
        found = list(WorkOrder.objects.filter(**filters).order_by("pk"))
        return self.chance.choice(found) if found else None

    def create(self) -> None:
        status = self.chance.choice([S.SUBMITTED, S.MANUFACTURING_APPROVED])
        WorkOrderFactory(status=status, material=self.chance.choice(MATERIALS[1:]))

    def create_many(self) -> None:
        orders = [
            WorkOrderFactory.build(
                status=S.MANUFACTURING_STARTED, material=Material.BRASS, operator=self.operator
            )
            for _ in range(4)
        ]
        WorkOrder.objects.bulk_create(orders)

    def claim(self) -> None:
        if order := self._one(status=S.MANUFACTURING_APPROVED):
            work_order_claim(number=order.number, operator=self.operator)

    def release(self) -> None:
        if order := self._one(status=S.MANUFACTURING_STARTED):
            work_order_release(order_id=order.pk, operator=self.operator, reason="Broken tool")

    def advance(self) -> None:
        if order := self._one(status=S.MANUFACTURING_STARTED):
            work_order_advance(order_id=order.pk, operator=self.operator, to=S.MANUFACTURING_COMPLETED)

    def approve_by_update(self) -> None:
        WorkOrder.objects.filter(status=S.SUBMITTED).update(
            status=S.MANUFACTURING_APPROVED, position=NextPosition()
        )

    def cancel_by_sql(self) -> None:
        if order := self._one(status=S.MANUFACTURING_APPROVED):
            with connection.cursor() as cursor:
                cursor.execute("UPDATE mes_workorder SET status = 'CANCELLED' WHERE id = %s", [order.pk])

    def change_material_by_sql(self) -> None:
        if order := self._one():
            with connection.cursor() as cursor:
                cursor.execute("UPDATE mes_workorder SET material = 'gold_750' WHERE id = %s", [order.pk])

    def save(self) -> None:
        if order := self._one():
            order.title += "!"
            order.save()

    def delete(self) -> None:
        if order := self._one():
            order.history.all().delete()
            order.delete()

    def delete_by_sql(self) -> None:
        if order := self._one(status=S.SUBMITTED):
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM mes_workorder WHERE id = %s", [order.pk])

    def trim(self) -> None:
        BOARD.trim()

    def relay_passes(self) -> None:
        self.relay.run_pass()


STEPS = [name for name in vars(History) if not name.startswith("_")]


@pytest.fixture
def world(stepped_relay: SteppedRelay, olga: User, settings: Settings) -> tuple[SteppedRelay, User, Settings]:
    return stepped_relay, olga, settings


def tops() -> dict[str, Page]:
    """The first page of each view."""
    return {json.dumps(filters): BOARD.page(filters, 3) for filters in VIEWS}


def by_view(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The rows of each view, by the same names."""
    return {json.dumps(filters): [row for row in rows if filters.items() <= row.items()] for filters in VIEWS}


def _run(world: tuple[SteppedRelay, User, Settings], steps: list[str], seed: int, latest: int) -> History:
    relay, operator, site = world
    site.CACHE_BOARD_LATEST = latest
    WorkOrder.objects.all().delete()
    for kept in relay.relay._kept:
        kept.begin_anew("another history")
    relay.settle()
    return History(relay, operator, random.Random(seed))


HISTORIES = given(
    steps=st.lists(st.sampled_from(STEPS), min_size=5, max_size=40), seed=st.integers(0, 2**32 - 1)
)
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@HISTORIES
@FEW
def test_every_page_of_every_view_agrees_with_postgresql(
    world: tuple[SteppedRelay, User, Settings], steps: list[str], seed: int
) -> None:
    history = _run(world, steps, seed, latest=6)
    for step in steps:
        act: Callable[[], None] = getattr(history, step)
        act()
    history.relay.run_pass()

    for filters in VIEWS:
        expected = stored(**filters)
        for limit in (1, 4, 50):
            assert whole(limit, filters) == expected, (filters, limit)
        top = BOARD.page(filters, 1)
        assert top.count in (None, len(expected))
        if BOARD.is_complete(filters):
            assert (top.count, top.status) == (len(expected), "mes-board; hit")


@HISTORIES
@FEW
def test_a_copy_holds_exactly_as_long_as_its_view_is_the_same(
    world: tuple[SteppedRelay, User, Settings], steps: list[str], seed: int
) -> None:
    """Of a board that holds every order, so that each view is known from top to bottom."""
    history = _run(world, steps, seed, latest=1000)
    for step in steps:
        history.relay.run_pass()
        before, copies = by_view(stored()), tops()
        getattr(history, step)()
        history.relay.run_pass()
        after = by_view(stored())
        for view, copy in copies.items():
            page = BOARD.page(json.loads(view), 3, etag=copy.etag)
            assert copy.etag is not None
            same = before[view] == after[view]
            assert (page.etag == copy.etag, page.rows is None) == (same, same), (step, view)


@HISTORIES
@FEW
def test_a_copy_never_holds_when_its_page_has_changed(
    world: tuple[SteppedRelay, User, Settings], steps: list[str], seed: int
) -> None:
    """Of a board with its horizon in the middle, where rows leave by retention too."""
    history = _run(world, steps, seed, latest=4)
    for step in steps:
        before = tops()
        getattr(history, step)()
        for view, page in before.items():
            again = BOARD.page(json.loads(view), 3, etag=page.etag)
            if page.etag is not None and again.rows is None:
                now = BOARD.page(json.loads(view), 3)
                assert (now.rows, now.next_after, now.count) == (page.rows, page.next_after, page.count)
