"""How many queries does a call cost, and does that stay so however many rows there are?"""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from events.model_files import store
from events.vocabulary import Status
from shop import services
from tests.clients import ApiClient
from tests.conftest import As
from tests.factories import OrderFactory, WorkOrderFactory
from tests.solids import cube

pytestmark = pytest.mark.django_db


def queries(call: Callable[[], Any]) -> int:
    """How many statements of SQL a call sends; savepoints, which only tests need so many of, apart."""
    with CaptureQueriesContext(
        connection,
    ) as captured:
        answer = call()
    assert answer.status_code < 300, answer.content
    return sum("SAVEPOINT" not in query["sql"] for query in captured.captured_queries)


@pytest.fixture
def as_known(as_user: As) -> As:
    """Calls as a user whose roles are known already: who calls is not what is counted here."""

    def client(user: User) -> ApiClient:
        assert user.roles
        return as_user(user)

    return client


def test_a_list_costs_the_same_however_long(alice: User, olga: User, sam: User, as_known: As) -> None:
    calls = [
        (as_known(alice), "/api/v1/shop/orders/"),
        (as_known(alice), "/api/v1/shop/orders/?status=SUBMITTED"),
        (as_known(olga), "/api/v1/mes/orders/"),
        (as_known(olga), "/api/v1/mes/orders/?status=PACKAGING&material=silver_925"),
        (as_known(olga), "/api/v1/mes/orders/?operator=me"),
        (as_known(sam), "/api/v1/mes/orders/"),
        (as_known(sam), "/api/v1/mes/dashboard/"),
    ]

    def costs() -> dict[str, int]:
        return {url: queries(lambda api=api, url=url: api.get(url)) for api, url in calls}

    few = costs()
    OrderFactory.create_batch(30, client=alice, status=Status.SUBMITTED)
    WorkOrderFactory.create_batch(30, status=Status.PACKAGING, operator=olga)
    assert costs() == few
    assert all(count <= 3 for count in few.values()), few


def test_a_timeline_costs_the_same_however_long(alice: User, as_known: As) -> None:
    order = OrderFactory(client=alice)
    api = as_known(alice)
    url = f"/api/v1/shop/orders/{order.number}/history/"
    services.record(order, "", order.status, actor=alice, actor_kind="client", at=timezone.now())
    assert queries(lambda: api.get(url)) == 2
    for _ in range(30):
        services.record(order, "", order.status, actor=alice, actor_kind="client", at=timezone.now())
    assert queries(lambda: api.get(url)) == 2


def test_what_a_client_does_costs_what_it_did(alice: User, as_known: As) -> None:
    api = as_known(alice)
    new = {"title": "Ring", "material": "brass", "quantity": 1}
    made = queries(lambda: api.post("/api/v1/shop/orders/", new, format="json"))
    order = alice.orders.get()
    url = f"/api/v1/shop/orders/{order.number}/"
    cost = {
        "create": made,
        "read": queries(lambda: api.get(url)),
        "upload": queries(lambda: api.put(f"{url}model/", {"file": cube()}, format="multipart")),
        "submit": queries(lambda: api.post(f"{url}submit/")),
    }
    order.__class__.objects.update(status=Status.PRICE_CALCULATED)
    cost["approve"] = queries(lambda: api.post(f"{url}approve/"))
    cost["ask to cancel"] = queries(lambda: api.post(f"{url}cancel/"))
    # Find the order, lock it, save it, learn its version, write its line, publish.
    assert cost == {"create": 4, "read": 1, "upload": 6, "submit": 6, "approve": 6, "ask to cancel": 6}


def test_what_an_operator_does_costs_what_it_did(olga: User, as_known: As) -> None:
    api = as_known(olga)
    order = WorkOrderFactory(status=Status.MANUFACTURING_APPROVED, model=store(cube()).to_json())
    url = f"/api/v1/mes/orders/{order.number}/"
    cost = {
        "read": queries(lambda: api.get(url)),
        "claim": queries(lambda: api.post(f"{url}claim/")),
        "claim again": queries(lambda: api.post(f"{url}claim/")),
        "release": queries(lambda: api.post(f"{url}release/", {"reason": "x"}, format="json")),
        "claim next": queries(lambda: api.post("/api/v1/mes/orders/claim-next/")),
        "complete": queries(lambda: api.post(f"{url}complete/")),
    }
    assert cost == {"read": 1, "claim": 6, "claim again": 2, "release": 6, "claim next": 5, "complete": 6}
