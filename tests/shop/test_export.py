"""Does a seller get the filtered list as CSV, whole and harmless?"""

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from events.vocabulary import Status
from tests.desks import desk
from tests.factories import OrderFactory

pytestmark = pytest.mark.django_db
EXPORT = "/admin/shop/order/export/"


def rows(user: User, query: str = "") -> list[dict[str, str]]:
    answer = desk(user).get(EXPORT + query)
    assert answer.streaming
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_list_comes_as_it_is_filtered(sam: User) -> None:
    priced = OrderFactory(status=Status.PRICE_CALCULATED, price="12.50", title="Ring, “gold”")
    OrderFactory()
    (row,) = rows(sam, "?status__exact=PRICE_CALCULATED")
    assert (row["Number"], row["Title"], row["Price"]) == (priced.number, "Ring, “gold”", "12.50")
    assert len(rows(sam)) == 2


def test_a_long_list_is_whole_and_asks_once(sam: User) -> None:
    OrderFactory.create_batch(120)
    browser = desk(sam)
    with CaptureQueriesContext(connection) as queries:
        lines = b"".join(browser.get(EXPORT).streaming_content).decode().splitlines()
    assert len(lines) == 121
    assert len(queries) <= 4


@pytest.mark.parametrize("title", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_cell_is_a_formula(sam: User, title: str) -> None:
    OrderFactory(title=title)
    assert rows(sam)[0]["Title"] == f"'{title}"


def test_who_may_not_see_orders_may_not_take_them_away(olga: User) -> None:
    assert desk(olga).get(EXPORT).status_code == 403


def test_its_head_is_in_the_readers_language(sam: User) -> None:
    User.objects.filter(pk=sam.pk).update(language="ru")
    sam.refresh_from_db()
    OrderFactory()
    (row,) = rows(sam)
    assert {"Номер", "Статус", "Название"} <= row.keys()


@pytest.mark.parametrize("query", ["?p=xx", "?foo=bar", "?id__exact=abc"])
def test_of_a_filter_that_is_none_nothing_is_exported(sam: User, query: str) -> None:
    answer = desk(sam).get(EXPORT + query)
    assert (answer.status_code, answer["Location"]) == (302, "/admin/shop/order/")
