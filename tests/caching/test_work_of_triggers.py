"""How much work is an UPDATE to its triggers, whatever came before? Counted in rows, not seconds."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from accounts.services import token_issue
from mes.models import WorkOrder
from shop.models import Order
from tests.factories import OrderFactory, UserFactory, WorkOrderFactory

pytestmark = pytest.mark.django_db(transaction=True)
ROWS = 400


@pytest.fixture
def explained(transactional_db: None) -> Iterator[None]:
    """PostgreSQL tells the plan, and the rows that passed through it, of each statement inside a function."""
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("LOAD 'auto_explain'")
        for name, value in {
            "auto_explain.log_min_duration": "0",
            "auto_explain.log_analyze": "on",
            "auto_explain.log_timing": "off",
            "auto_explain.log_nested_statements": "on",
            "auto_explain.log_format": "json",
            "client_min_messages": "log",
        }.items():
            cursor.execute(f"SET {name} = %s", [value])
    yield
    connection.close()


def work(statement: str, *params: Any) -> int:
    """Rows that all parts of all plans together have looked at."""
    notices = connection.connection.notices
    del notices[:]
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
    plans = [
        json.loads(re.search(r"\{.*\}", notice, re.S)[0])["Plan"] for notice in notices if "Plan" in notice
    ]  # type: ignore[index]
    assert plans
    return sum(map(_looked_at, plans))


def _looked_at(plan: dict[str, Any]) -> int:
    rows = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
    rows += plan.get("Rows Removed by Join Filter", 0)
    return int(rows * plan["Actual Loops"]) + sum(map(_looked_at, plan.get("Plans", [])))


@pytest.mark.parametrize("model", [WorkOrder, Order])
def test_an_update_of_many_rows_after_one_of_a_single_row_is_no_more_work(
    model: type[WorkOrder | Order], explained: None
) -> None:
    """plpgsql plans a function's statement for what it is called with first, and keeps the plan."""
    make = WorkOrderFactory if model is WorkOrder else OrderFactory
    common = {} if model is WorkOrder else {"client": UserFactory()}
    rows = [make(**common) for _ in range(ROWS)]
    update = f"UPDATE {model._meta.db_table} SET quantity = quantity WHERE id <= %s"
    first = work(update.replace("<=", "="), rows[0].pk)
    assert work(update, rows[-1].pk) <= ROWS * first * 2
    for _ in range(10):  # by then a generic plan is kept
        work(update.replace("<=", "="), rows[0].pk)
    assert work(update, rows[-1].pk) <= ROWS * first * 2


def test_so_is_a_change_of_many_users_who_have_tokens(explained: None) -> None:
    users = [UserFactory() for _ in range(ROWS // 4)]
    for user in users:
        token_issue(user=user, name="one")
    update = "UPDATE accounts_user SET first_name = first_name || '.' WHERE id <= %s"
    first = work(update.replace("<=", "="), users[0].pk)
    for _ in range(10):
        work(update.replace("<=", "="), users[0].pk)
    assert work(update, users[-1].pk) <= len(users) * first * 2
