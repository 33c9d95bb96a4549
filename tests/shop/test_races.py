"""What happens when a client does two things to one order at the same moment?"""

from collections import Counter

import pytest

from accounts.models import User
from events.models import OutboxEvent
from events.transitions import IllegalTransition
from events.vocabulary import ActorKind, Status
from shop import services
from shop.models import Order
from tests.conftest import As
from tests.factories import OrderFactory
from tests.threads import Paused, at_once, in_background, somebody_waits_for_a_lock, until

pytestmark = pytest.mark.django_db(transaction=True)


def approve(order: Order) -> Order:
    return services.order_approve(order_id=order.pk, actor=order.client, actor_kind=ActorKind.CLIENT)


def cancel(order: Order) -> Order:
    return services.order_cancel(order_id=order.pk, actor=order.client, actor_kind=ActorKind.CLIENT)


@pytest.mark.parametrize(
    ("step", "status", "told"),
    [
        ("submit", Status.FILE_UPLOADED, "shop.order_submitted"),
        ("approve", Status.PRICE_CALCULATED, "shop.order_approved"),
        ("confirm-delivery", Status.SHIPPED, "shop.order_closed"),
    ],
)
def test_a_button_pressed_many_times_at_once_counts_once(
    step: str, status: Status, told: str, alice: User, as_user: As
) -> None:
    order = OrderFactory(client=alice, status=status)
    url = f"/api/v1/shop/orders/{order.number}/{step}/"
    clients = [as_user(alice) for _ in range(6)]

    answers = at_once(*(lambda client=client: client.post(url) for client in clients))

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 5}
    assert [event.kind for event in OutboxEvent.objects.all()] == [told]
    assert order.history.count() == 1


def test_cancelling_during_the_approval_asks(alice: User) -> None:
    order = OrderFactory(client=alice, status=Status.PRICE_CALCULATED)
    with Paused(lambda: approve(order), after="UPDATE") as approval:
        cancelling = in_background(lambda: cancel(order))
        until(somebody_waits_for_a_lock)
        approval.go_on()
        asked = cancelling.result()
    assert (asked.status, asked.cancel_requested) == (Status.MANUFACTURING_APPROVED, True)
    kinds = OutboxEvent.objects.order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["shop.order_approved", "shop.cancel_requested"]


def test_an_approval_during_the_cancelling_is_refused(alice: User) -> None:
    order = OrderFactory(client=alice, status=Status.PRICE_CALCULATED)
    with Paused(lambda: cancel(order), after="UPDATE") as cancelling:
        approval = in_background(lambda: approve(order))
        until(somebody_waits_for_a_lock)
        assert cancelling.go_on().status == Status.CANCELLED
        assert isinstance(approval.exception(), IllegalTransition)
    assert not OutboxEvent.objects.filter(kind="shop.order_approved").exists()
