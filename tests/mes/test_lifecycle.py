"""Does a work order move exactly as its lifecycle says, whichever door is tried, and is it written down?"""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from events.model_files import store
from events.models import OutboxEvent
from events.transitions import IllegalTransition
from events.turns import Turn
from events.vocabulary import (
    ActorKind,
    CancelRequested,
    OrderApproved,
    OrderCancelled,
    OrderClosed,
    OrderSubmitted,
    PricingRequested,
    Status,
)
from mes import claims, handlers, services
from mes.lifecycle import TRANSITIONS
from mes.models import WorkOrder, WorkOrderStatusChange
from tests.factories import WorkOrderFactory
from tests.solids import cube, open_box

pytestmark = pytest.mark.django_db

S, K = Status, ActorKind
BUYER = {K.CLIENT, K.PARTNER}
BUYER_OR_SELLER = BUYER | {K.SELLER}
ANY_BUT_OPERATOR = BUYER_OR_SELLER | {K.SYSTEM}

# The lifecycle as architecture.md tells it, written down a second time.
ALLOWED: dict[tuple[Status, Status], set[ActorKind]] = {
    (S.SUBMITTED, S.PRICE_CALCULATED): {K.SYSTEM},
    (S.SUBMITTED, S.PRICING_FAILED): {K.SYSTEM},
    (S.PRICING_FAILED, S.SUBMITTED): BUYER,
    (S.PRICE_CALCULATED, S.MANUFACTURING_APPROVED): BUYER_OR_SELLER,
    (S.MANUFACTURING_APPROVED, S.MANUFACTURING_STARTED): {K.OPERATOR},
    (S.MANUFACTURING_STARTED, S.MANUFACTURING_APPROVED): {K.OPERATOR},
    (S.MANUFACTURING_STARTED, S.MANUFACTURING_COMPLETED): {K.OPERATOR},
    (S.MANUFACTURING_COMPLETED, S.PACKAGING): {K.OPERATOR},
    (S.PACKAGING, S.SHIPPED): {K.OPERATOR},
    (S.SHIPPED, S.CLOSED): BUYER_OR_SELLER,
    (S.SUBMITTED, S.CANCELLED): ANY_BUT_OPERATOR,
    (S.PRICE_CALCULATED, S.CANCELLED): ANY_BUT_OPERATOR,
    (S.PRICING_FAILED, S.CANCELLED): ANY_BUT_OPERATOR,
    (S.MANUFACTURING_APPROVED, S.CANCELLED): ANY_BUT_OPERATOR,
}
PAIRS = [(current, target) for current in Status for target in Status]


def news(order: WorkOrder, kind: str) -> dict[str, Any]:
    """What every event about the order says: it is newer than all before."""
    order.refresh_from_db()
    return {
        "number": order.number,
        "version": order.shop_version + 1,
        "at": timezone.now(),
        "actor_kind": kind,
    }


LONG_TURN = Turn(is_long=True, renew=lambda: None)


def resubmit(order: WorkOrder, kind: ActorKind) -> None:
    terms = {"title": "Ring", "material": "brass", "quantity": 2, "engraving": "", "comment": ""}
    handlers.receive_order(OrderSubmitted(**news(order, kind), **terms, model=order.model))


def approve(order: WorkOrder, kind: ActorKind) -> None:
    handlers.approve_order(OrderApproved(**news(order, kind)))


def cancel(order: WorkOrder, kind: ActorKind) -> None:
    handlers.cancel_order(OrderCancelled(**news(order, kind), reason="Changed my mind"))


def ask_to_cancel(order: WorkOrder, kind: ActorKind) -> None:
    handlers.decide_cancel(CancelRequested(**news(order, kind), reason="Changed my mind"))


def close(order: WorkOrder, kind: ActorKind) -> None:
    handlers.close_order(OrderClosed(**news(order, kind)))


def price(upload: Callable[[], File]) -> Callable[[WorkOrder, ActorKind], None]:
    def act(order: WorkOrder, kind: ActorKind) -> None:
        order.model = store(upload()).to_json()
        WorkOrder.objects.filter(pk=order.pk).update(model=order.model)
        wish = PricingRequested(**news(order, kind), model=order.model)
        handlers.price_order(wish, handlers.measure_model(wish, LONG_TURN))

    return act


def claim(order: WorkOrder, kind: ActorKind) -> None:
    claims.work_order_claim(number=order.number, operator=User.objects.get(username="olga"))


def release(order: WorkOrder, kind: ActorKind) -> None:
    claims.work_order_release(
        order_id=order.pk, operator=order.operator or the_operator(), reason="Broken tool"
    )


def advance(target: Status) -> Callable[[WorkOrder, ActorKind], None]:
    def act(order: WorkOrder, kind: ActorKind) -> None:
        holder = order.operator or the_operator()
        claims.work_order_advance(order_id=order.pk, operator=holder, to=target)

    return act


def the_operator() -> User:
    return User.objects.get(username="olga")


# (door, where it leads, who may knock at it). Pricing and the plant's own doors fix the actor themselves.
DOORS: list[tuple[Callable[[WorkOrder, ActorKind], None], Status, list[ActorKind]]] = [
    (resubmit, S.SUBMITTED, list(K)),
    (price(cube), S.PRICE_CALCULATED, [K.SYSTEM]),
    (price(open_box), S.PRICING_FAILED, [K.SYSTEM]),
    (approve, S.MANUFACTURING_APPROVED, list(K)),
    (claim, S.MANUFACTURING_STARTED, [K.OPERATOR]),
    (release, S.MANUFACTURING_APPROVED, [K.OPERATOR]),
    (advance(S.MANUFACTURING_COMPLETED), S.MANUFACTURING_COMPLETED, [K.OPERATOR]),
    (advance(S.PACKAGING), S.PACKAGING, [K.OPERATOR]),
    (advance(S.SHIPPED), S.SHIPPED, [K.OPERATOR]),
    (close, S.CLOSED, list(K)),
    (cancel, S.CANCELLED, list(K)),
    (ask_to_cancel, S.CANCELLED, list(K)),
]
TRIES = [
    pytest.param(door, current, target, kind, id=f"{current}-{target}-{kind}-{number}")
    for number, (door, target, kinds) in enumerate(DOORS)
    for current in Status
    for kind in kinds
]


def trace(order: WorkOrder) -> tuple[Any, ...]:
    """Everything a step leaves behind; versions apart, since a refused cancel may touch the row."""
    row = WorkOrder.objects.filter(pk=order.pk).values("status", "operator_id", "position", "price").get()
    told = OutboxEvent.objects.filter(kind="mes.work_order_changed").count()
    return row, WorkOrderStatusChange.objects.count(), told


def order_in(status: Status, operator: User) -> WorkOrder:
    if status in (S.INITIATED, S.FILE_UPLOADED):
        # No such order is ever in the MES; as a row it is only possible with an operator.
        return WorkOrderFactory(status=status, operator=operator)
    held = status not in (S.SUBMITTED, S.PRICE_CALCULATED, S.PRICING_FAILED, S.MANUFACTURING_APPROVED)
    order = WorkOrderFactory(status=status, operator=operator if held and status != S.CANCELLED else None)
    order.refresh_from_db()
    return order


def test_the_table_says_what_the_architecture_says() -> None:
    assert {pair: set(kinds) for pair, kinds in TRANSITIONS.items()} == ALLOWED


def test_every_step_of_the_table_has_a_door() -> None:
    assert {target for _current, target in TRANSITIONS} == {target for _door, target, _kinds in DOORS}


@pytest.mark.parametrize(("door", "current", "target", "kind"), TRIES)
def test_a_door_opens_exactly_where_the_table_allows(
    door: Callable[[WorkOrder, ActorKind], None], current: Status, target: Status, kind: ActorKind, olga: User
) -> None:
    order = order_in(current, olga)
    before = trace(order)
    allowed = kind in ALLOWED.get((current, target), set())
    # Two doors lead to APPROVED: an operator's release is not the buyer's approval.
    if (door is release) != (current == S.MANUFACTURING_STARTED) and target == S.MANUFACTURING_APPROVED:
        allowed = False

    try:
        with transaction.atomic():
            door(order, kind)
        refused = False
    except IllegalTransition:
        refused = True
    except IntegrityError:
        # An operator may release to APPROVED, but an approval takes no operator off: the database objects.
        assert (door, current, kind) == (approve, S.MANUFACTURING_STARTED, K.OPERATOR)
        refused = True

    if not allowed:
        # Pricing that comes too late, and a request to cancel, are answered without an error.
        in_silence = door is ask_to_cancel or target in (S.PRICE_CALCULATED, S.PRICING_FAILED)
        # So is the winner's second click.
        in_silence |= (door, current) == (claim, S.MANUFACTURING_STARTED)
        assert refused != in_silence
        assert trace(order) == before
        return
    assert not refused
    stored = WorkOrder.objects.get(pk=order.pk)
    line = stored.history.first()
    assert line is not None
    assert stored.status == target
    assert stored.version > order.version
    assert (line.from_status, line.to_status, line.actor_kind) == (current, target, kind)
    assert line.at == stored.updated_at
    assert trace(order)[1:] == (before[1] + 1, before[2] + 1)
    newest = OutboxEvent.objects.filter(kind="mes.work_order_changed").first()
    assert newest is not None
    assert (newest.subject, newest.payload["status"], newest.payload["version"]) == (
        order.number,
        target,
        stored.version,
    )


@pytest.mark.parametrize(("current", "target"), PAIRS, ids=str)
def test_no_step_beside_the_table_is_ever_taken(current: Status, target: Status, olga: User) -> None:
    order = order_in(current, olga)
    before = trace(order)
    for kind in set(K) - ALLOWED.get((current, target), set()):
        with pytest.raises(IllegalTransition), transaction.atomic():
            services.move(WorkOrder.objects.get(pk=order.pk), target, olga, kind)
    assert trace(order) == before


@pytest.mark.parametrize(("current", "target"), ALLOWED, ids=str)
def test_a_step_that_is_rolled_back_leaves_no_line_and_no_event(
    current: Status, target: Status, olga: User
) -> None:
    order = order_in(current, olga)
    before = trace(order)
    kind = sorted(ALLOWED[current, target])[0]
    order.operator = olga if target == S.MANUFACTURING_STARTED else order.operator
    order.operator = None if target in (S.MANUFACTURING_APPROVED, S.CANCELLED) else order.operator

    with transaction.atomic():
        services.move(order, target, olga, kind)
        assert trace(order) != before
        transaction.set_rollback(True)

    assert trace(order) == before


@pytest.mark.parametrize("status", [s for s in Status if s not in (S.INITIATED, S.FILE_UPLOADED)], ids=str)
def test_the_database_refuses_an_operator_who_does_not_fit_the_status(status: Status, olga: User) -> None:
    order = order_in(status, olga)
    wrong = None if order.operator else olga

    with pytest.raises(IntegrityError, match="mes_work_order_operator"), transaction.atomic():
        WorkOrder.objects.filter(pk=order.pk).update(operator=wrong)


def test_an_operator_goes_with_a_release_and_the_reason_stays(olga: User) -> None:
    order = order_in(S.MANUFACTURING_STARTED, olga)

    claims.work_order_release(order_id=order.pk, operator=olga, reason="Broken tool")

    order.refresh_from_db()
    line = order.history.first()
    assert (order.operator, order.operator_name) == (None, "")
    assert line is not None
    assert (line.actor, line.reason) == (olga, "Broken tool")


@pytest.mark.parametrize("step", [release, advance(S.MANUFACTURING_COMPLETED)], ids=["release", "advance"])
def test_only_who_holds_an_order_moves_it_on(
    step: Callable[[WorkOrder, ActorKind], None], olga: User, otto: User
) -> None:
    order = order_in(S.MANUFACTURING_STARTED, olga)
    before = trace(order)
    order.operator = otto

    with pytest.raises(claims.NotYourOrder):
        step(order, K.OPERATOR)

    assert trace(order) == before
