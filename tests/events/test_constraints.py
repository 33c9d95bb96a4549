"""Can a row be written, past all our code, that no page and no cache could show?"""

from typing import Any

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from accounts.models import User
from shop.models import Order
from shop.payload import order_payload
from tests.factories import OrderFactory, WorkOrderFactory

pytestmark = pytest.mark.django_db

ODD = [
    ("status", "'MELTED'"),
    ("material", "'unobtainium'"),
    ("quantity", "0"),
    ("price", "'NaN'"),
    ("price", "-0.01"),
    ("due_date", "'0044-03-15 BC'"),
    ("due_date", "'infinity'"),
    ("due_date", "'10000-01-01'"),
    ("created_at", "'-infinity'"),
    ("updated_at", "'0001-01-01 BC'"),
    ("model", """'{"name": "ring.stl", "size": 1}'"""),
    ("model", "'[]'"),
    ("model", "'null'"),
]


def write(table: str, row: int, column: str, value: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = {value} WHERE id = %s", [row])


@pytest.mark.parametrize(("column", "value"), ODD)
def test_an_order_that_nobody_could_show_can_not_be_written(column: str, value: str) -> None:
    rows = {"shop_order": OrderFactory().pk, "mes_workorder": WorkOrderFactory().pk}
    for table, row in rows.items():
        with pytest.raises((IntegrityError, DataError)):
            write(table, row, column, value)


@pytest.mark.parametrize("value", ["-1", "1125899906842624"])
def test_a_position_is_one_that_the_board_can_spell(value: str) -> None:
    with pytest.raises(IntegrityError, match="mes_work_order_position"):
        write("mes_workorder", WorkOrderFactory().pk, "position", value)


@pytest.mark.parametrize(("column", "value"), [("to_status", "'MELTED'"), ("at", "'infinity'")])
def test_a_line_of_a_timeline_can_be_shown(column: str, value: str, alice: User) -> None:
    order = OrderFactory(client=alice)
    line = order.history.create(to_status=order.status, actor_kind="client", at=order.created_at)
    with pytest.raises(IntegrityError, match="shop_orderstatuschange"):
        write("shop_orderstatuschange", line.pk, column, value)


@pytest.mark.parametrize(("table", "column"), [
    ("accounts_apitoken", "expires_at"), ("accounts_apitoken", "revoked_at"),
    ("accounts_session", "expire_date"),
])  # fmt: skip
def test_a_token_or_session_ends_in_our_calendar(table: str, column: str, alice: User) -> None:
    made: dict[str, Any] = {
        "accounts_apitoken": lambda: alice.api_tokens.create(name="t", digest="0" * 64, hint="0000"),
        "accounts_session": lambda: alice.sessions.create(
            session_key="0" * 64, expire_date=alice.date_joined
        ),
    }
    made[table]()
    with (
        pytest.raises(IntegrityError, match="moments"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE {table} SET {column} = 'infinity'")


@pytest.mark.parametrize(("column", "value"), [
    ("price", "NULL"), ("price", "0"), ("price", "9999999999.99"), ("due_date", "NULL"), ("model", "NULL"),
    ("due_date", "'9999-12-31'"), ("due_date", "'0001-01-01'"), ("created_at", "'0001-01-02 00:00Z'"),
])  # fmt: skip
def test_what_can_be_shown_can_be_written(column: str, value: str) -> None:
    order = OrderFactory()
    write("shop_order", order.pk, column, value)
    assert order_payload(Order.objects.get())["number"] == order.number
