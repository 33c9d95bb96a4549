"""Who gets an order that many want: one operator, who is told so; all others learn the winner's name."""

from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings

import caching.gate
from accounts.models import User
from accounts.roles import Role
from events.models import OutboxEvent
from events.vocabulary import Material, Status
from mes import claims
from mes.models import WorkOrder
from tests.conftest import As
from tests.factories import UserFactory, WorkOrderFactory
from tests.threads import PATIENCE, Paused, at_once, in_background, somebody_waits_for_a_lock, until

committed = pytest.mark.django_db(transaction=True)
APPROVED, STARTED = Status.MANUFACTURING_APPROVED, Status.MANUFACTURING_STARTED


def url(order: WorkOrder, step: str = "claim") -> str:
    return f"/api/v1/mes/orders/{order.number}/{step}/"


@pytest.fixture(params=[True, False], ids=["gate", "no gate"])
def gate(request: pytest.FixtureRequest, settings: Settings) -> bool:
    """Everything here holds with the gate in Redis and, a little slower, without it."""
    settings.CACHE_ENABLED = request.param
    return bool(request.param)


@committed
@pytest.mark.usefixtures("gate")
def test_of_many_who_claim_at_once_one_gets_the_order(as_user: As) -> None:
    order = WorkOrderFactory(status=APPROVED)
    operators = [UserFactory(role=Role.OPERATOR, first_name=f"Op{n}") for n in range(24)]
    clients = [as_user(operator) for operator in operators]

    answers = at_once(*(lambda client=client: client.post(url(order)) for client in clients))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 23}
    (won,) = [answer.json() for answer in answers if answer.status_code == 200]
    order.refresh_from_db()
    assert won["operator"] == {"id": order.operator_id, "name": order.operator_name}
    for answer in answers:
        if answer.status_code == 409:
            problem = answer.json()
            # On a slow machine the winner may take longer than the others' patience.
            assert problem["code"] in ("already_claimed", "claim_in_progress")
            assert problem.get("operator", won["operator"]) == won["operator"]
            assert answer["Content-Type"] == "application/problem+json"
    assert [line.to_status for line in order.history.all()] == [STARTED]
    assert OutboxEvent.objects.filter(subject=order.number).count() == 1


@committed
@pytest.mark.usefixtures("gate")
def test_many_orders_claimed_by_many_each_go_to_one(as_user: As) -> None:
    orders = WorkOrderFactory.create_batch(12, status=APPROVED)
    operators = [UserFactory(role=Role.OPERATOR) for _ in range(8)]

    def take_all(operator: User) -> list[str]:
        client = as_user(operator)
        answers = {order.number: client.post(url(order)).status_code for order in orders}
        return [number for number, status in answers.items() if status == 200]

    taken = at_once(*(lambda operator=operator: take_all(operator) for operator in operators))

    assert sorted(number for mine in taken for number in mine) == sorted(order.number for order in orders)
    for operator, mine in zip(operators, taken, strict=True):
        held = WorkOrder.objects.held_by(operator.pk).values_list("number", flat=True)
        assert sorted(held) == sorted(mine)


@committed
@pytest.mark.usefixtures("gate")
def test_nobody_is_told_taken_before_it_is(olga: User, otto: User, as_user: As, monkeypatch: Any) -> None:
    """While another's claim is undecided the answer is "in progress": that one may still fail."""
    order = WorkOrderFactory(status=APPROVED)
    monkeypatch.setattr(claims, "LOCK_PATIENCE_MS", 50)

    with Paused(lambda: claims.work_order_claim(number=order.number, operator=olga), after="UPDATE") as olgas:
        answer = as_user(otto).post(url(order))
        assert (answer.status_code, answer.json()["code"]) == (409, "claim_in_progress")
        assert answer["Retry-After"] == "1"
        assert "operator" not in answer.json()
        assert olgas.go_on().operator == olga

    answer = as_user(otto).post(url(order))
    assert (answer.status_code, answer.json()["code"]) == (409, "already_claimed")
    assert answer.json()["operator"] == {"id": olga.pk, "name": "Olga Berg"}


def fail_after_claiming(order: WorkOrder, operator: User) -> None:
    """A claim whose transaction does not commit."""
    who = {"id": operator.pk, "name": operator.display_name}
    with claims.GATE.passing(order.number, who), transaction.atomic():
        claims._claim(order.number, operator)
        raise ConnectionResetError


@committed
def test_a_claim_that_waits_for_another_that_fails_wins(
    olga: User, otto: User, gate: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = WorkOrderFactory(status=APPROVED)
    monkeypatch.setattr(caching.gate, "PATIENCE", PATIENCE)

    with Paused(lambda: fail_after_claiming(order, olga), after="UPDATE") as olgas:
        ottos = in_background(lambda: claims.work_order_claim(number=order.number, operator=otto))
        if not gate:
            until(somebody_waits_for_a_lock)
        assert isinstance(olgas.go_on(), ConnectionResetError)
        assert ottos.result().operator == otto

    order.refresh_from_db()
    assert order.operator == otto
    assert [line.actor for line in order.history.all()] == [otto]


@committed
def test_a_claim_does_not_wait_for_ever_for_whoever_holds_the_row(
    olga: User, as_user: As, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = WorkOrderFactory(status=APPROVED)
    monkeypatch.setattr(claims, "LOCK_PATIENCE_MS", 50)

    def hold() -> None:
        with transaction.atomic():
            WorkOrder.objects.select_for_update().get(pk=order.pk)

    with Paused(hold, after="UPDATE"):
        answer = as_user(olga).post(url(order))
        assert (answer.status_code, answer.json()["code"]) == (409, "claim_in_progress")
        assert answer["Retry-After"] == "1"
    assert as_user(olga).post(url(order)).status_code == 200


@pytest.mark.django_db
def test_the_winner_who_clicks_again_gets_the_order_again(olga: User, as_user: As) -> None:
    order = WorkOrderFactory(status=APPROVED)
    first = as_user(olga).post(url(order))
    again = as_user(olga).post(url(order))

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert order.history.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "status",
    [Status.SUBMITTED, Status.PRICE_CALCULATED, Status.PRICING_FAILED, Status.CANCELLED],
)
def test_what_is_not_approved_can_not_be_claimed(status: Status, olga: User, as_user: As) -> None:
    answer = as_user(olga).post(url(WorkOrderFactory(status=status)))
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")


@pytest.mark.django_db
@pytest.mark.parametrize("status", [Status.PACKAGING, Status.SHIPPED, Status.CLOSED])
def test_what_has_gone_on_is_not_begun_again(status: Status, olga: User, otto: User, as_user: As) -> None:
    order = WorkOrderFactory(status=status, operator=olga)

    assert as_user(otto).post(url(order)).json()["code"] == "already_claimed"
    assert as_user(olga).post(url(order)).json()["code"] == "illegal_transition"


@pytest.mark.django_db
def test_the_name_stays_as_it_was_at_the_claim(olga: User, otto: User, as_user: As) -> None:
    order = WorkOrderFactory(status=APPROVED)
    as_user(olga).post(url(order))
    User.objects.filter(pk=olga.pk).update(last_name="Married")

    assert as_user(otto).post(url(order)).json()["operator"] == {"id": olga.pk, "name": "Olga Berg"}


@pytest.mark.django_db
def test_a_released_order_can_be_claimed_by_another(olga: User, otto: User, as_user: As) -> None:
    order = WorkOrderFactory(status=APPROVED)
    as_user(olga).post(url(order))

    released = as_user(olga).post(url(order, "release"), {"reason": "Broken tool"}, format="json")
    assert (released.status_code, released.json()["status"]) == (200, APPROVED)
    assert released.json()["operator"] is None
    assert as_user(otto).post(url(order)).status_code == 200
    assert as_user(olga).post(url(order)).json()["operator"]["id"] == otto.pk
    assert as_user(olga).post(url(order, "release"), {"reason": "x"}, format="json").status_code == 403


@committed
def test_a_release_and_a_claim_at_once_leave_one_holder(olga: User, otto: User) -> None:
    order = WorkOrderFactory(status=STARTED, operator=olga)

    def release() -> WorkOrder:
        return claims.work_order_release(order_id=order.pk, operator=olga, reason="Broken tool")

    with Paused(release, after="UPDATE") as olgas:
        ottos = in_background(lambda: claims.work_order_claim(number=order.number, operator=otto))
        until(somebody_waits_for_a_lock)
        olgas.go_on()
        assert ottos.result().operator == otto

    assert [line.to_status for line in order.history.all()] == [STARTED, APPROVED]


@committed
def test_many_who_take_the_next_get_different_orders_the_oldest(as_user: As) -> None:
    orders = WorkOrderFactory.create_batch(10, status=APPROVED)
    operators = [UserFactory(role=Role.OPERATOR) for _ in range(8)]
    clients = [as_user(operator) for operator in operators]

    answers = at_once(
        *(lambda client=client: client.post("/api/v1/mes/orders/claim-next/") for client in clients)
    )

    assert [answer.status_code for answer in answers] == [200] * 8
    assert {answer.json()["number"] for answer in answers} == {order.number for order in orders[:8]}


@pytest.mark.django_db
def test_the_next_is_what_has_waited_longest(olga: User, as_user: As) -> None:
    first, gold, last = (
        WorkOrderFactory(status=APPROVED, material=material)
        for material in (Material.SILVER_925, Material.GOLD_750, Material.SILVER_925)
    )
    WorkOrderFactory(status=Status.SUBMITTED)
    api = as_user(olga)

    answer = api.post("/api/v1/mes/orders/claim-next/?material=gold_750")
    assert (answer.status_code, answer.json()["number"]) == (200, gold.number)
    assert api.post("/api/v1/mes/orders/claim-next/").json()["number"] == first.number
    assert api.post("/api/v1/mes/orders/claim-next/").json()["number"] == last.number
    nothing = api.post("/api/v1/mes/orders/claim-next/")
    assert (nothing.status_code, nothing.content) == (204, b"")
    assert api.post("/api/v1/mes/orders/claim-next/?material=tin").status_code == 400


@committed
def test_the_next_passes_over_what_another_is_claiming(olga: User, otto: User) -> None:
    first, second = WorkOrderFactory.create_batch(2, status=APPROVED)

    with Paused(lambda: claims.work_order_claim(number=first.number, operator=olga), after="FOR UPDATE"):
        assert claims.work_order_claim_next(operator=otto) == second
        assert claims.work_order_claim_next(operator=otto) is None


@pytest.mark.django_db
def test_an_operator_may_have_a_long_name(olga: User, as_user: As) -> None:
    User.objects.filter(pk=olga.pk).update(first_name="A" * 150, last_name="B" * 150)
    olga.refresh_from_db()
    answer = as_user(olga).post(url(WorkOrderFactory(status=APPROVED)))
    assert (answer.status_code, answer.json()["operator"]["name"]) == (200, "A" * 150)
