"""What does a hit cost PostgreSQL, over real HTTP?"""

from collections.abc import Callable
from datetime import datetime

import pytest
import requests
from django.db import connection

from accounts.models import User
from events.vocabulary import Status
from tests.desks import cookie, desk
from tests.factories import OrderFactory, WorkOrderFactory
from tests.live import Live

pytestmark = pytest.mark.django_db(transaction=True)
HITS = 50


def last_statements() -> set[tuple[int, datetime]]:
    """When each of the web's connections to PostgreSQL began its last statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid, query_start FROM pg_stat_activity"
            " WHERE application_name = 'web' AND datname = current_database()"
        )
        return set(cursor.fetchall())


def test_a_hit_is_no_statement(site: Live, olga: User, alice: User) -> None:
    """API and the operators' board, whole and unchanged, who asks included."""
    WorkOrderFactory.create_batch(3, status=Status.MANUFACTURING_APPROVED)
    order = OrderFactory(client=alice)
    site.start("valkey", "relay", "web")
    token, alices = ({"Authorization": f"Token {site.session(user).key}"} for user in (olga, alice))
    session = {"Cookie": cookie(desk(olga))}
    for address, headers in (
        ("/api/v1/mes/orders/", token),
        ("/api/v1/mes/dashboard/", token),
        (f"/api/v1/shop/orders/{order.number}/", alices),
        ("/admin/board/live/", session),
    ):
        ask = asker(f"{site.url}{address}", headers)
        site.wait_for(lambda ask=ask: "; hit" in ask().headers.get("Cache-Status", ""), f"hits on {address}")
        known = {"If-None-Match": ask().headers["ETag"]}
        before = last_statements()
        for wanted, more in ((200, {}), (304, known)):
            assert {ask(**more).status_code for _ in range(HITS)} == {wanted}
        assert last_statements() == before, address
        assert before, "the connections by which it was asked who asks are still there"


def asker(url: str, headers: dict[str, str]) -> Callable[..., requests.Response]:
    """``ask(**more headers)``, on one connection."""
    session = requests.Session()
    session.headers.update(headers)
    return lambda **more: session.get(url, headers=more, timeout=30, allow_redirects=False)
