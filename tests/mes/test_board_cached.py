"""Does the operators' board come from the cache, and does a poll cost only what has changed?"""

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import User
from events.vocabulary import Material, Status
from mes import claims
from tests.caching.relays import SteppedRelay
from tests.desks import desk
from tests.factories import WorkOrderFactory

pytestmark = pytest.mark.django_db(transaction=True)
BOARD, LIVE = "/admin/board/", "/admin/board/live/"
READY = Status.MANUFACTURING_APPROVED


def poll(browser: Client, last: HttpResponse | None = None, query: str = "") -> HttpResponse:
    return browser.get(LIVE + query, headers={"If-None-Match": last["ETag"]} if last else {})


def test_a_hit_asks_postgresql_for_nothing(olga: User, stepped_relay: SteppedRelay) -> None:
    WorkOrderFactory.create_batch(3, status=READY)
    stepped_relay.settle()
    browser = desk(olga)
    for address in (LIVE, f"{LIVE}?status=any"):
        browser.get(address)
        with CaptureQueriesContext(connection) as queries:
            page = browser.get(address)
        assert page["Cache-Status"] == "mes-board; hit"
        assert list(queries) == []


def test_a_poll_says_304_until_something_changes(olga: User, otto: User, stepped_relay: SteppedRelay) -> None:
    order = WorkOrderFactory(status=READY)
    stepped_relay.settle()
    browser = desk(olga)
    first = poll(browser)
    assert order.number in first.text
    assert poll(browser, first).status_code == 304
    claims.work_order_claim(number=order.number, operator=otto)
    stepped_relay.settle()
    after = poll(browser, first)
    assert after.status_code == 200
    assert order.number not in after.text


def test_numbers_alone_are_news(olga: User, stepped_relay: SteppedRelay) -> None:
    WorkOrderFactory(status=READY)
    stepped_relay.settle()
    browser = desk(olga)
    first = poll(browser)
    WorkOrderFactory(status=Status.SUBMITTED)
    stepped_relay.settle()
    after = poll(browser, first)
    assert after.status_code == 200
    assert after.context["numbers"].statuses["SUBMITTED"] == 1


def test_the_filters_tell_how_many_orders_they_would_show(olga: User, stepped_relay: SteppedRelay) -> None:
    WorkOrderFactory.create_batch(2, status=READY, material=Material.BRASS)
    WorkOrderFactory(status=READY)
    WorkOrderFactory(status=Status.SHIPPED, material=Material.BRASS)
    stepped_relay.settle()
    browser = desk(olga)
    whole, brass = (
        browser.get(BOARD).context["numbers"],
        browser.get(f"{BOARD}?material=brass").context["numbers"],
    )
    assert (whole.statuses[READY], whole.statuses["SHIPPED"], whole.all_statuses) == (3, 1, 4)
    assert (whole.materials["brass"], whole.any_material) == (2, 3)
    assert (brass.statuses[READY], brass.statuses["SHIPPED"], brass.all_statuses) == (2, 1, 3)
    shipped = browser.get(f"{BOARD}?status=SHIPPED").context["numbers"]
    assert (shipped.materials["brass"], shipped.materials["gold_585"], shipped.any_material) == (1, 0, 1)


def test_what_the_cache_has_only_in_part_is_not_counted(
    olga: User, settings: Settings, stepped_relay: SteppedRelay
) -> None:
    settings.CACHE_BOARD_LATEST = 1
    WorkOrderFactory.create_batch(3, status=Status.SHIPPED)
    WorkOrderFactory(status=READY)
    stepped_relay.settle()
    browser = desk(olga)
    silver = browser.get(f"{BOARD}?material=silver_925")
    numbers = silver.context["numbers"]
    assert (numbers.statuses[READY], numbers.statuses["CLOSED"], numbers.all_statuses) == (1, 0, None)
    assert "SHIPPED" not in numbers.statuses
    assert "Not counted: the cache does not hold all of these orders" in silver.text
    shipped = browser.get(f"{BOARD}?status=SHIPPED").context["numbers"]
    assert (shipped.materials, shipped.any_material) == ({}, 3)


def test_without_the_cache_the_board_works_and_says_so(olga: User, settings: Settings) -> None:
    settings.CACHE_ENABLED = False
    order = WorkOrderFactory(status=READY)
    browser = desk(olga)
    page, answer = browser.get(BOARD), poll(browser)
    assert page["Cache-Status"] == "mes-board; fwd=bypass; detail=off"
    assert order.number in page.text
    assert "ETag" not in answer
    assert browser.get(BOARD).context["numbers"].statuses == {}


@pytest.mark.parametrize("query", ["?status=LOST", "?material=tin", "?cursor=x"])
def test_a_poll_that_makes_no_sense_is_refused(olga: User, query: str) -> None:
    assert poll(desk(olga), query=query).status_code == 400
