"""Can an order be cancelled and made at once? Never: the row lock lets one of them be first."""

from collections import Counter
from collections.abc import Callable

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.roles import Role
from events import handling
from events.models import OutboxEvent
from events.transitions import IllegalTransition
from events.vocabulary import ActorKind, CancelRequested, Status
from mes.claims import work_order_claim, work_order_release
from mes.handlers import decide_cancel
from mes.models import WorkOrder
from shop import services
from shop.models import Order
from tests.conftest import Deliver
from tests.factories import OrderFactory, UserFactory, WorkOrderFactory
from tests.flow import lives
from tests.flow.lives import World
from tests.outbox import handle_due
from tests.threads import Paused, at_once, in_background, somebody_waits_for_a_lock, until

pytestmark = pytest.mark.django_db(transaction=True)
APPROVED, STARTED, CANCELLED = (
    Status.MANUFACTURING_APPROVED,
    Status.MANUFACTURING_STARTED,
    Status.CANCELLED,
)


@pytest.fixture
def order(alice: User) -> Order:
    """Approved in both contexts."""
    order = OrderFactory(client=alice, status=APPROVED)
    WorkOrderFactory(number=order.number, status=APPROVED)
    return order


def ask(order: Order) -> int:
    """The client asks; the id of the event that tells the MES."""
    services.order_cancel(order_id=order.pk, actor=order.client, actor_kind=ActorKind.CLIENT)
    return OutboxEvent.objects.get(kind="shop.cancel_requested").pk


def statuses(order: Order) -> tuple[str, str, bool]:
    order.refresh_from_db()
    return order.status, WorkOrder.objects.get(number=order.number).status, order.cancel_requested


def test_a_claim_during_the_decision_to_cancel_waits_and_is_refused(
    order: Order, olga: User, deliver: Deliver
) -> None:
    event_id = ask(order)
    with Paused(lambda: handle_due(event_id), after='UPDATE "mes_workorder"') as decision:
        claim = in_background(lambda: work_order_claim(number=order.number, operator=olga))
        until(somebody_waits_for_a_lock)
        assert decision.go_on() is True
        assert isinstance(claim.exception(), IllegalTransition)
    deliver()
    assert statuses(order) == (CANCELLED, CANCELLED, False)
    assert [line.to_status for line in order.history.all()] == [CANCELLED, APPROVED]


def test_a_decision_to_cancel_during_a_claim_waits_and_refuses(
    order: Order, olga: User, deliver: Deliver
) -> None:
    event_id = ask(order)

    def claim() -> WorkOrder:
        return work_order_claim(number=order.number, operator=olga)

    with Paused(claim, after='UPDATE "mes_workorder"') as claiming:
        decision = in_background(lambda: handle_due(event_id))
        until(somebody_waits_for_a_lock)
        claiming.go_on()
        assert decision.result() is True
    deliver()
    assert statuses(order) == (STARTED, STARTED, False)
    story = [(line.to_status, line.reason) for line in order.history.all()]
    assert story == [
        (STARTED, "Manufacturing has begun: the order can no longer be cancelled."),
        (STARTED, ""),
        (APPROVED, "Asked to cancel."),
    ]


def test_a_client_may_ask_again_after_a_release(order: Order, olga: User, deliver: Deliver) -> None:
    claimed = work_order_claim(number=order.number, operator=olga)
    ask(order)
    deliver()
    assert statuses(order) == (STARTED, STARTED, False)

    work_order_release(order_id=claimed.pk, operator=olga, reason="Broken tool")
    deliver()
    services.order_cancel(order_id=order.pk, actor=order.client, actor_kind=ActorKind.CLIENT)
    deliver()
    assert statuses(order) == (CANCELLED, CANCELLED, False)


def test_a_cancel_while_the_model_is_measured_wins(alice: User, deliver: Deliver) -> None:
    world = World(alice, alice, alice, alice)
    for step in (lives.create, lives.upload, lives.submit):
        step(world)
    handle_due(world.waiting[0])
    (pricing_event,) = world.waiting

    with Paused(lambda: handle_due(pricing_event), after='FROM "mes_workorder"') as pricing:
        lives.cancel(world)
        (cancel_event,) = set(world.waiting) - {pricing_event}
        assert handling.handle(cancel_event) is True, "it does not wait for the measuring"
        assert pricing.go_on() is True
    deliver()

    assert world.order.status == world.work_order.status == CANCELLED
    assert (world.order.price, world.work_order.price) == (None, None)


def test_many_orders_cancelled_and_claimed_at_once_each_go_one_way(alice: User, deliver: Deliver) -> None:
    orders = OrderFactory.create_batch(12, client=alice, status=APPROVED)
    for order in orders:
        WorkOrderFactory(number=order.number, status=APPROVED)
        services.order_cancel(order_id=order.pk, actor=alice, actor_kind=ActorKind.CLIENT)
    events = dict(OutboxEvent.objects.values_list("subject", "pk"))
    operators = [UserFactory(role=Role.OPERATOR) for _ in orders]

    def claim(order: Order, operator: User) -> Callable[[], object]:
        return lambda: work_order_claim(number=order.number, operator=operator)

    def decide(order: Order) -> Callable[[], object]:
        return lambda: handle_due(events[order.number])

    at_once(*(call for o, who in zip(orders, operators, strict=True) for call in (claim(o, who), decide(o))))
    deliver()

    ends = Counter(statuses(order) for order in orders)
    assert set(ends) <= {(CANCELLED, CANCELLED, False), (STARTED, STARTED, False)}
    assert not WorkOrder.objects.filter(status=CANCELLED).exclude(operator=None).exists()


def test_a_request_that_was_parked_until_the_end_is_answered_then(order: Order, deliver: Deliver) -> None:
    """The event lay parked, meanwhile the order was made, shipped and closed."""
    late = CancelRequested(number=order.number, version=5, at=timezone.now(), actor_kind="client")
    Order.objects.filter(pk=order.pk).update(cancel_requested=True, status=Status.CLOSED)
    operator = UserFactory(role=Role.OPERATOR)
    WorkOrder.objects.update(status=Status.CLOSED, operator=operator, shop_version=9)

    with transaction.atomic():
        decide_cancel(late)
    deliver()

    assert statuses(order) == (Status.CLOSED, Status.CLOSED, False)
    assert WorkOrder.objects.get().shop_version == 9
    assert not WorkOrder.objects.get().history.exists(), "nothing was cancelled, so no line says so"
