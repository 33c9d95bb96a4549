"""When does a price expire, and who wins when it is accepted at that moment?"""

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import User
from events.models import OutboxEvent
from events.transitions import IllegalTransition
from events.vocabulary import ActorKind, Status
from shop import services, tasks
from shop.models import Order
from tests.factories import OrderFactory
from tests.threads import Paused, in_background, somebody_waits_for_a_lock, until

QUOTE = timedelta(days=settings.QUOTE_DAYS)
committed = pytest.mark.django_db(transaction=True)


def priced(at: datetime, status: Status = Status.PRICE_CALCULATED) -> Order:
    order = OrderFactory(status=status, priced_at=at)
    services.record(order, Status.FILE_UPLOADED, Status.SUBMITTED, actor_kind="client", at=at)
    return order


def approve(order: Order) -> Order:
    return services.order_approve(order_id=order.pk, actor=order.client, actor_kind=ActorKind.CLIENT)


@pytest.mark.django_db
def test_a_price_expires_after_its_days_and_not_before() -> None:
    now = timezone.now()
    old, young = priced(now - QUOTE - timedelta(seconds=1)), priced(now - QUOTE + timedelta(minutes=1))

    assert tasks.expire_quotes() == 1
    assert tasks.expire_quotes() == 0

    old.refresh_from_db()
    young.refresh_from_db()
    assert (old.status, young.status) == (Status.CANCELLED, Status.PRICE_CALCULATED)
    line = old.history.first()
    assert line is not None
    assert (line.actor, line.actor_kind) == (None, ActorKind.SYSTEM)
    assert line.reason == f"The price was not accepted within {settings.QUOTE_DAYS} days."
    assert OutboxEvent.objects.get().kind == "shop.order_cancelled"


@pytest.mark.django_db
@pytest.mark.parametrize("status", [status for status in Status if status != Status.PRICE_CALCULATED])
def test_nothing_else_expires(status: Status) -> None:
    priced(timezone.now() - 2 * QUOTE, status)
    assert tasks.expire_quotes() == 0


@pytest.mark.django_db
def test_a_large_heap_of_old_prices_goes_a_batch_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "EXPIRY_BATCH", 2)
    oldest = [priced(timezone.now() - QUOTE - timedelta(days=days)) for days in (3, 1, 2)]
    assert tasks.expire_quotes() == 2
    assert Order.objects.get(status=Status.PRICE_CALCULATED) == oldest[1]
    assert tasks.expire_quotes() == 1


@committed
def test_a_price_accepted_at_the_last_moment_does_not_expire() -> None:
    order = priced(timezone.now() - QUOTE - timedelta(seconds=1))
    with Paused(lambda: approve(order), after="UPDATE") as approval:
        expiry = in_background(tasks.expire_quotes)
        until(somebody_waits_for_a_lock)
        approval.go_on()
        assert expiry.result() == 0
    assert Order.objects.get().status == Status.MANUFACTURING_APPROVED
    assert not Order.objects.get().cancel_requested


@committed
def test_a_price_that_has_just_expired_can_not_be_accepted() -> None:
    order = priced(timezone.now() - QUOTE - timedelta(seconds=1))
    with Paused(tasks.expire_quotes, after="UPDATE") as expiry:
        approval = in_background(lambda: approve(order))
        until(somebody_waits_for_a_lock)
        assert expiry.go_on() == 1
        assert isinstance(approval.exception(), IllegalTransition)
    assert Order.objects.get().status == Status.CANCELLED


@pytest.mark.django_db
def test_the_days_begin_when_the_price_was_computed(alice: User) -> None:
    """Not when the order was made, nor when the news of the price arrived."""
    from tests.flow import lives

    world = lives.World(alice, alice, alice, alice)
    for step in lives.PRICED:
        step(world)
        world.deliver()
    order = world.order
    line = order.history.first()
    assert line is not None
    assert order.priced_at == line.at
