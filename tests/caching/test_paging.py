"""Whoever pages through the whole board, across the horizon: do they see every order, once and in order?

What a reader may see while orders move between two pages: whatever stays put is seen exactly once. An
order that was claimed meanwhile keeps its place. One that is new, or was released, goes to the top: it may
be missed if its old place was still ahead, and is never seen twice. A deleted one may be missed.
"""

from collections import Counter
from itertools import cycle

import pytest
from pytest_django import Settings

from accounts.models import User
from events.vocabulary import Material, Status
from mes.caches import BOARD
from mes.claims import work_order_claim, work_order_release
from mes.models import WorkOrder
from tests.caching.boards import fill, stored, whole
from tests.caching.kinds import rebuild
from tests.caching.relays import SteppedRelay
from tests.conftest import As
from tests.factories import WorkOrderFactory

S = Status
LIMITS = pytest.mark.parametrize("limit", [1, 7, 50, 200])


@pytest.fixture
def hundreds(stepped_relay: SteppedRelay, settings: Settings) -> list[str]:
    """230 orders of which the board keeps the 60 latest, and every tenth older one, unclaimed."""
    settings.CACHE_BOARD_LATEST = 60
    numbers = fill([S.MANUFACTURING_APPROVED, *[S.SHIPPED] * 9] * 20)
    numbers += fill([S.MANUFACTURING_APPROVED, S.SHIPPED] * 15, Material.BRASS)
    rebuild(stepped_relay)
    return numbers


@LIMITS
def test_every_order_is_seen_once_in_order(limit: int, hundreds: list[str]) -> None:
    for filters in ({}, {"status": S.SHIPPED}, {"material": Material.SILVER_925}):
        assert whole(limit, filters) == stored(**filters)


@LIMITS
def test_thousands_of_orders_are_seen_once_in_order_through_the_api(
    limit: int, stepped_relay: SteppedRelay, settings: Settings, olga: User, as_user: As
) -> None:
    orders = 5000 if limit == 200 else 300
    settings.CACHE_BOARD_LATEST = orders // 50
    numbers = fill([S.SUBMITTED, *[S.CLOSED] * 19] * (orders // 20))
    rebuild(stepped_relay)
    api, seen = as_user(olga), []
    address = f"/api/v1/mes/orders/?limit={limit}"
    while address:
        page = api.get(address).json()
        seen += [row["number"] for row in page["results"]]
        address = page["next"]
    assert seen == numbers[::-1]


@LIMITS
def test_what_stays_put_is_seen_once_and_nothing_twice_while_others_move(
    limit: int, hundreds: list[str], olga: User
) -> None:
    ahead = cycle(
        [hundreds[10], hundreds[60], hundreds[130]]
    )  # old, unclaimed: deep below the reader at first
    moved: set[str] = set()

    def claim_and_release() -> None:
        number = next(ahead)
        held = work_order_claim(number=number, operator=olga)
        if held.position < 200:
            work_order_release(order_id=held.pk, operator=olga, reason="Broken tool")
        moved.add(number)

    def create_and_delete() -> None:
        moved.add(WorkOrderFactory(status=S.MANUFACTURING_APPROVED).number)
        oldest = WorkOrder.objects.exclude(number__in=[*moved, hundreds[10]]).order_by("position").first()
        assert oldest
        moved.add(oldest.number)
        oldest.delete()

    steps = iter([claim_and_release, create_and_delete] * 6)

    def one_step() -> None:
        next(steps, lambda: None)()

    seen = whole(limit, between=one_step)

    times = Counter(row["number"] for row in seen)
    assert set(times.values()) == {1}
    stayed = set(hundreds) - moved
    assert stayed <= set(times)
    places = {number: place for place, number in enumerate(hundreds[::-1])}
    in_order = [places[row["number"]] for row in seen if row["number"] in stayed]
    assert in_order == sorted(in_order)


def test_an_order_that_is_claimed_between_two_pages_keeps_its_place(hundreds: list[str], olga: User) -> None:
    def claim() -> None:
        work_order_claim(number=hundreds[10], operator=olga)

    seen = whole(200, between=claim)
    assert [row["number"] for row in seen] == hundreds[::-1]
    assert [row["operator"]["id"] for row in seen if row["number"] == hundreds[10]] == [olga.pk]


def test_a_page_is_not_a_snapshot_what_moves_up_behind_the_reader_is_missed(
    hundreds: list[str], olga: User
) -> None:
    def claim_and_release() -> None:
        held = work_order_claim(number=hundreds[10], operator=olga)
        work_order_release(order_id=held.pk, operator=olga, reason="Broken tool")

    seen = whole(200, between=claim_and_release)
    assert [row["number"] for row in seen] == [number for number in hundreds[::-1] if number != hundreds[10]]
    assert BOARD.page({}, 1).next_after is not None
    assert whole(200)[0]["number"] == hundreds[10]
