"""What does each page of the admin cost: statements of SQL, and round trips to Redis?"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.contrib.staticfiles import finders
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from accounts.roles import Role
from events.models import OutboxEvent
from events.vocabulary import ActorKind, Status
from mes.models import Tariff, WorkOrder
from tests.caching.relays import LONG_FENCE, stepped
from tests.desks import desk
from tests.factories import OrderFactory, WorkOrderFactory
from tests.round_trips import round_trips

pytestmark = pytest.mark.django_db(transaction=True)
BOARD, WORK_ORDERS, ORDERS = "/admin/board/", "/admin/mes/workorder/", "/admin/shop/order/"
EVENTS, USERS = "/admin/events/outboxevent/", "/admin/accounts/user/"

#: What each page costs: SQL, Redis. Who asks is one round trip of the latter.
COSTS = {
    "olga": {
        "board, unchanged (304)": (0, 3),
        "board": (1, 3),
        "board, a poll with rows": (0, 3),
        "board, a claim": (7, 4),
        "my orders": (2, 1),
        "dashboard": (1, 2),
        "work orders": (2, 1),
        "a work order": (4, 1),
    },
    "sam": {
        "orders": (2, 1),
        "approvals": (2, 1),
        "an order": (4, 1),
        "export": (3, 1),
        "tariffs": (4, 1),
        "a tariff": (2, 1),
    },
    "erik": {"caches": (2, 14), "events": (2, 1), "an event": (2, 1), "users": (4, 1), "tokens": (3, 1)},
    "anna": {
        "groups": (3, 1),
        "a group": (3, 1),
        "add a user": (0, 1),
        "a user": (5, 1),
        "issue a token": (0, 1),
        "confirm a deletion": (14, 1),
    },
}


@pytest.fixture
def relay(transactional_db: None, settings: Settings) -> Iterator[None]:
    """The board is served from the cache."""
    settings.CACHE_FENCE_SECONDS = LONG_FENCE
    for _ in range(3):
        WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)
    with stepped():
        yield


@pytest.mark.parametrize("name", COSTS)
def test_each_page_costs_what_it_did(
    relay: None, name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    user: User = request.getfixturevalue(name)
    browser = desk(user)
    ready = list(WorkOrder.objects.all())
    order = OrderFactory(status=Status.PRICE_CALCULATED)
    order.history.create(to_status=order.status, actor_kind=ActorKind.SYSTEM, at=order.created_at)
    group, tariff = Group.objects.get(name=Role.OPERATOR), Tariff.objects.earliest("pk")
    event = OutboxEvent.objects.create(
        kind="shop.order_closed", subject=order.number, payload={}, due_at=timezone.now()
    )
    known = {"If-None-Match": browser.get(f"{BOARD}live/").headers.get("ETag", "")}
    pages: dict[str, Callable[[], HttpResponse]] = {
        "board": lambda: browser.get(BOARD),
        "board, a poll with rows": lambda: browser.get(f"{BOARD}live/"),
        "board, unchanged (304)": lambda: browser.get(f"{BOARD}live/", headers=known),
        "board, a claim": lambda: browser.post(
            f"{BOARD}{ready.pop().number}/claim/", headers={"HX-Request": "true"}
        ),
        "my orders": lambda: browser.get("/admin/my-orders/"),
        "dashboard": lambda: browser.get("/admin/dashboard/"),
        "work orders": lambda: browser.get(WORK_ORDERS),
        "a work order": lambda: browser.get(f"{WORK_ORDERS}{ready[0].number}/change/"),
        "orders": lambda: browser.get(ORDERS),
        "approvals": lambda: browser.get(f"{ORDERS}?status__exact=PRICE_CALCULATED"),
        "an order": lambda: browser.get(f"{ORDERS}{order.number}/change/"),
        "tariffs": lambda: browser.get("/admin/mes/tariff/"),
        "caches": lambda: browser.get("/admin/caches/"),
        "events": lambda: browser.get(EVENTS),
        "an event": lambda: browser.get(f"{EVENTS}{event.pk}/change/"),
        "export": lambda: browser.get(f"{ORDERS}export/"),
        "a tariff": lambda: browser.get(f"/admin/mes/tariff/{tariff.pk}/change/"),
        "users": lambda: browser.get(USERS),
        "tokens": lambda: browser.get("/admin/accounts/apitoken/"),
        "groups": lambda: browser.get("/admin/auth/group/"),
        "a group": lambda: browser.get(f"/admin/auth/group/{group.pk}/change/"),
        "add a user": lambda: browser.get(f"{USERS}add/"),
        "a user": lambda: browser.get(f"{USERS}{user.pk}/change/"),
        "issue a token": lambda: browser.get("/admin/accounts/apitoken/add/"),
        "confirm a deletion": lambda: browser.post(
            USERS, {"action": "delete_selected", "_selected_action": [order.client_id]}
        ),
    }
    found = {}
    for page in COSTS[name]:
        assert pages[page]().status_code in (200, 304)  # the scripts are loaded, the figures kept
        with CaptureQueriesContext(connection) as queries, round_trips(monkeypatch) as sent:
            answer = pages[page]()
            assert answer.status_code == (304 if "304" in page else 200)
            answer.getvalue()  # a stream asks as it is read
        found[page] = (sum(one["sql"] not in ("BEGIN", "COMMIT") for one in queries), len(sent))
    assert found == COSTS[name]


def test_no_page_loads_a_library_of_charts() -> None:
    """unfold's frame asks for Chart.js, 200 kB, on every page."""
    found = finders.find("unfold/js/chart/chart.js")
    assert Path(str(found)).stat().st_size < 1000
