"""Does the demo fill both contexts with orders that hold together, and can it be asked for again?"""

import io
import json
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from accounts.authentication import TokenAuthentication
from accounts.models import ApiToken, User
from accounts.services import token_revoke
from events.model_files import StoredModel, open_model
from events.models import OutboxEvent
from events.vocabulary import UNCLAIMED, Status
from mes import pricing
from mes.dashboard import STATUSES
from mes.geometry.measuring import measure
from mes.models import Tariff, WorkOrder, WorkOrderStatusChange
from shop.models import Order, OrderStatusChange
from tests.conftest import As

pytestmark = pytest.mark.django_db

ORDERS = 400


@pytest.fixture(autouse=True)
def _development(settings: Settings) -> None:
    settings.DEBUG = True


def seed(*arguments: Any) -> dict[str, Any]:
    """What the command prints with --json."""
    output = io.StringIO()
    call_command("seed_demo", "--json", *arguments, stdout=output, stderr=io.StringIO())
    users: dict[str, Any] = json.loads(output.getvalue())["users"]
    return users


def who_has(key: str) -> str:
    """Whom the API lets in by it."""
    return TokenAuthentication().authenticate_credentials(key)[0].username


def test_everybody_of_the_demo_can_log_in_with_the_password_and_call_with_the_token() -> None:
    users = seed("--orders", 0)

    assert set(users) == {"admin", "seller", "partner", "client", *(f"operator{n}" for n in range(1, 6))}
    for name, given in users.items():
        user = User.objects.get(username=name)
        assert user.check_password(given["password"])
        assert who_has(given["token"]) == user.username
    assert User.objects.get(username="admin").is_superuser
    assert User.objects.get(username="operator1").display_name == "Olga Berg"


def test_a_repeat_adds_only_what_is_missing_and_prints_the_same_tokens() -> None:
    first = seed("--orders", 20)
    password = User.objects.get(username="client").password
    assert seed("--orders", 20) == first
    assert Order.objects.count() == 20
    assert User.objects.get(username="client").password == password  # or everybody would be logged out
    assert seed("--orders", 50) == first
    assert Order.objects.count() == 50


def test_a_revoked_token_works_again_after_a_repeat() -> None:
    key = seed("--orders", 0)["client"]["token"]
    token_revoke(token=ApiToken.objects.get(digest=ApiToken.digest_of(key)))
    assert seed("--orders", 0)["client"]["token"] == key
    assert who_has(key) == "client"


def test_it_refuses_a_site_that_may_be_real_unless_told(settings: Settings) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError, match="--yes"):
        call_command("seed_demo")
    assert not User.objects.exists()
    assert "client" in seed("--orders", 0, "--yes")


def test_both_contexts_agree_on_every_order() -> None:
    seed("--orders", ORDERS)
    shop = {order.number: order for order in Order.objects.all()}
    mes = {order.number: order for order in WorkOrder.objects.all()}

    statuses = Counter(order.status for order in shop.values())
    assert set(statuses) == set(Status)
    assert sum(statuses[status] for status in UNCLAIMED) == pytest.approx(ORDERS / 3, rel=0.1)
    assert statuses[Status.MANUFACTURING_APPROVED] == pytest.approx(0.075 * ORDERS, rel=0.1)
    assert {o.status for o in mes.values()} == set(STATUSES)
    for number, order in mes.items():
        ours = shop[number]
        for field in (
            "status",
            "title",
            "material",
            "quantity",
            "price",
            "price_breakdown",
            "due_date",
            "model",
        ):
            assert getattr(order, field) == getattr(ours, field), field
        assert (order.partner == ours.client) == number.startswith("P-")
    for number in shop.keys() - mes.keys():
        assert shop[number].status in (Status.INITIATED, Status.FILE_UPLOADED, Status.CANCELLED)
    assert not OutboxEvent.objects.exists()


def test_timelines_lead_to_the_status_and_stay_within_the_last_60_days() -> None:
    seed("--orders", ORDERS)
    now = timezone.now()
    for orders, lines in (
        (Order.objects, OrderStatusChange.objects.order_by("order_id", "at", "id")),
        (WorkOrder.objects, WorkOrderStatusChange.objects.order_by("work_order_id", "at", "id")),
    ):
        stories: dict[int, list[Any]] = {}
        for line in lines:
            owner = line.order_id if isinstance(line, OrderStatusChange) else line.work_order_id
            stories.setdefault(owner, []).append(line)
        for order in orders.all():
            story = stories[order.pk]
            assert [line.from_status for line in story] == ["", *(line.to_status for line in story[:-1])]
            assert story[-1].to_status == order.status
            assert now - timedelta(days=61) < story[0].at <= story[-1].at < now
            assert (order.created_at, order.updated_at) == (story[0].at, story[-1].at)


def test_prices_are_those_the_plant_would_compute_from_the_stored_file() -> None:
    seed("--orders", ORDERS)
    tariffs = {tariff.material: tariff for tariff in Tariff.objects.all()}
    priced = WorkOrder.objects.exclude(price=None)
    for order in {order.model["sha256"]: order for order in priced}.values():
        model = StoredModel.from_json(order.model)
        with open_model(model) as file:
            solid = measure(file, model.kind)
        quoted = pricing.quote(solid.volume_mm3, order.quantity, tariffs[order.material])
        assert order.price == quoted.price
        assert order.price_breakdown == quoted.breakdown.to_json()
        costs = Decimal(order.price_breakdown["material_cost"]), Decimal(order.price_breakdown["making_cost"])
        assert sum(costs) == order.price


def test_the_newest_order_is_on_top_of_the_board() -> None:
    seed("--orders", ORDERS)
    numbers = list(Order.objects.filter(number__in=WorkOrder.objects.values("number")).values_list("number"))
    assert list(WorkOrder.objects.for_board().values_list("number")) == numbers


@pytest.mark.django_db(transaction=True)
def test_a_seeded_order_goes_on_with_its_life_in_both_contexts(
    as_user: As, deliver: Callable[[], int]
) -> None:
    seed("--orders", ORDERS)
    order = Order.objects.filter(status=Status.PRICE_CALCULATED, client__username="client").first()
    assert order
    client, operator = (as_user(User.objects.get(username=name)) for name in ("client", "operator1"))
    shop, mes = f"/api/v1/shop/orders/{order.number}/", f"/api/v1/mes/orders/{order.number}/"

    assert client.post(f"{shop}approve/").status_code == 200
    deliver()
    for step in ("claim", "complete", "pack", "ship"):
        assert operator.post(f"{mes}{step}/").status_code == 200
    deliver()
    assert client.get(shop).json()["status"] == "SHIPPED"
    assert client.post(f"{shop}confirm-delivery/").status_code == 200
    deliver()
    assert operator.get(mes).json()["status"] == "CLOSED"
    with closing(operator.get(f"{mes}model/")) as file:
        assert file.status_code == 200
