"""Does a Shop order move exactly as its lifecycle says, whichever door is tried, and is it written down?"""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from accounts.models import User
from events.models import OutboxEvent
from events.transitions import IllegalTransition
from events.vocabulary import ActorKind, Status, new_number
from shop import services
from shop.lifecycle import TRANSITIONS
from shop.models import Order, OrderStatusChange
from tests.factories import OrderFactory
from tests.solids import cube

pytestmark = pytest.mark.django_db

S, K = Status, ActorKind
BUYER = {K.CLIENT, K.PARTNER}
BUYER_OR_SELLER = BUYER | {K.SELLER}
ANY_BUT_OPERATOR = BUYER_OR_SELLER | {K.SYSTEM}

# The lifecycle as architecture.md tells it, written down a second time.
ALLOWED: dict[tuple[Status, Status], set[ActorKind]] = {
    (S.INITIATED, S.FILE_UPLOADED): BUYER,
    (S.FILE_UPLOADED, S.FILE_UPLOADED): BUYER,
    (S.PRICING_FAILED, S.FILE_UPLOADED): BUYER,
    (S.FILE_UPLOADED, S.SUBMITTED): BUYER,
    (S.PRICE_CALCULATED, S.MANUFACTURING_APPROVED): BUYER_OR_SELLER,
    (S.SHIPPED, S.CLOSED): BUYER_OR_SELLER,
    (S.INITIATED, S.CANCELLED): ANY_BUT_OPERATOR,
    (S.FILE_UPLOADED, S.CANCELLED): ANY_BUT_OPERATOR,
    (S.SUBMITTED, S.CANCELLED): ANY_BUT_OPERATOR,
    (S.PRICE_CALCULATED, S.CANCELLED): ANY_BUT_OPERATOR,
    (S.PRICING_FAILED, S.CANCELLED): ANY_BUT_OPERATOR,
}

Door = Callable[[int, User, ActorKind], Order]


def upload(order_id: int, actor: User, kind: ActorKind) -> Order:
    return services.order_upload_model(order_id=order_id, actor=actor, upload=cube())


def submit(order_id: int, actor: User, kind: ActorKind) -> Order:
    return services.order_submit(order_id=order_id, actor=actor)


def approve(order_id: int, actor: User, kind: ActorKind) -> Order:
    return services.order_approve(order_id=order_id, actor=actor, actor_kind=kind)


def close(order_id: int, actor: User, kind: ActorKind) -> Order:
    return services.order_close(order_id=order_id, actor=actor, actor_kind=kind)


def cancel(order_id: int, actor: User, kind: ActorKind) -> Order:
    return services.order_cancel(order_id=order_id, actor=actor, actor_kind=kind, reason="Changed my mind")


#: Where each door leads, who may knock at it, and what the MES is told.
DOORS: dict[Status, tuple[Door, list[ActorKind], str | None]] = {
    # Only who bought the order uploads and submits: the number tells whether that is a partner.
    S.FILE_UPLOADED: (upload, sorted(BUYER), None),
    S.SUBMITTED: (submit, sorted(BUYER), "shop.order_submitted"),
    S.MANUFACTURING_APPROVED: (approve, list(K), "shop.order_approved"),
    S.CLOSED: (close, list(K), "shop.order_closed"),
    S.CANCELLED: (cancel, list(K), "shop.order_cancelled"),
}
STEPS = [
    (current, target, kind, kind in ALLOWED.get((current, target), set()))
    for target, (_door, kinds, _event) in DOORS.items()
    for current in Status
    for kind in kinds
    # A cancel after approval moves nothing by itself: see test_cancelling.
    if (current, target) != (S.MANUFACTURING_APPROVED, S.CANCELLED)
]


def order_in(status: Status, kind: ActorKind = K.CLIENT) -> Order:
    order = OrderFactory(status=status, number=new_number("P" if kind == K.PARTNER else "A"))
    if status not in (S.INITIATED, S.FILE_UPLOADED):
        services.record(order, S.FILE_UPLOADED, S.SUBMITTED, actor_kind=K.CLIENT, at=order.created_at)
    order.refresh_from_db()
    return order


def trace(order: Order) -> tuple[Any, ...]:
    """Everything a step leaves behind."""
    row = Order.objects.filter(pk=order.pk).values().get()
    return row, OrderStatusChange.objects.filter(order=order).count(), OutboxEvent.objects.count()


def test_the_table_says_what_the_architecture_says() -> None:
    assert {pair: set(kinds) for pair, kinds in TRANSITIONS.items()} == ALLOWED


def test_every_step_of_the_table_has_a_door() -> None:
    assert {target for _current, target in TRANSITIONS} == set(DOORS)


@pytest.mark.parametrize(
    ("current", "target", "kind"), [(c, t, k) for c, t, k, allowed in STEPS if allowed], ids=str
)
def test_an_allowed_step_is_taken_and_written_down(
    current: Status, target: Status, kind: ActorKind, alice: User
) -> None:
    door, _kinds, event_kind = DOORS[target]
    order = order_in(current, kind)
    line_count = order.history.count()

    returned = door(order.pk, alice, kind)

    stored = Order.objects.get(pk=order.pk)
    assert stored.status == returned.status == target
    assert stored.version == returned.version > order.version
    line = order.history.first()
    assert line is not None
    assert order.history.count() == line_count + 1
    assert (line.from_status, line.to_status) == (current, target)
    assert (line.actor, line.actor_kind, line.at) == (alice, kind, stored.updated_at)
    assert line.reason == ("Changed my mind" if target == S.CANCELLED else "")
    told = list(OutboxEvent.objects.values_list("kind", "subject", "payload__version", "payload__actor_kind"))
    if current in (S.INITIATED, S.FILE_UPLOADED) and target == S.CANCELLED:
        assert told == [], "the MES has never heard of it"
    else:
        assert told == ([(event_kind, order.number, stored.version, kind)] if event_kind else [])


@pytest.mark.parametrize(
    ("current", "target", "kind"), [(c, t, k) for c, t, k, allowed in STEPS if not allowed], ids=str
)
def test_a_forbidden_step_is_refused_and_leaves_nothing(
    current: Status, target: Status, kind: ActorKind, alice: User
) -> None:
    order = order_in(current, kind)
    before = trace(order)

    with pytest.raises(IllegalTransition):
        DOORS[target][0](order.pk, alice, kind)

    assert trace(order) == before


@pytest.mark.parametrize(
    ("current", "target"), [pair for pair in ALLOWED if pair[0] != S.FILE_UPLOADED], ids=str
)
def test_a_step_that_is_rolled_back_leaves_no_line_and_no_event(
    current: Status, target: Status, alice: User
) -> None:
    order = order_in(current)
    before = trace(order)

    with transaction.atomic():
        DOORS[target][0](order.pk, alice, K.CLIENT)
        assert trace(order) != before
        transaction.set_rollback(True)

    assert trace(order) == before


def test_a_new_order_begins_with_a_line_of_history(alice: User) -> None:
    order = services.order_create(client=alice, title="Ring", material="gold_585", quantity=3)

    (line,) = order.history.all()
    assert (line.from_status, line.to_status, line.actor, line.actor_kind) == (
        "",
        S.INITIATED,
        alice,
        K.CLIENT,
    )
    assert OutboxEvent.objects.count() == 0


def test_a_new_model_takes_the_old_price_away(alice: User) -> None:
    order = OrderFactory(status=S.PRICING_FAILED, price="12.00", price_breakdown={"mass_g": "1.000"})

    order = services.order_upload_model(order_id=order.pk, actor=alice, upload=cube())

    assert (order.price, order.price_breakdown, order.priced_at) == (None, None, None)
