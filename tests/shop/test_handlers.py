"""What does the Shop make of the MES's news, above all of news it can no longer use?"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import User
from events.handling import NotYet
from events.vocabulary import ActorKind, CancelRefused, Status, WorkOrderChanged, WorkOrderReceived
from shop.handlers import cancel_refused, follow_work_order, mirror_partner_order
from shop.models import Order
from tests.factories import MODEL, OrderFactory
from tests.flow.lives import PRICED, World

pytestmark = pytest.mark.django_db

S = Status
NOW = timezone.now()
DECIDED = [status for status in S if status not in (S.INITIATED, S.FILE_UPLOADED, S.SUBMITTED, S.CLOSED)]


def news(order: Order, status: Status, version: int = 7, **change: Any) -> WorkOrderChanged:
    fields: dict[str, Any] = {
        "number": order.number,
        "version": version,
        "at": timezone.now(),
        "actor_kind": ActorKind.SYSTEM,
        "status": status,
        "decided": True,
        "price": "12.00",
        "currency": "EUR",
        "price_breakdown": {"mass_g": "1.000"},
        "due_date": "2027-01-31",
    }
    return WorkOrderChanged(**fields | change)


def seen(order: Order) -> tuple[str, Decimal | None]:
    order.refresh_from_db()
    return order.status, order.price


def story(order: Order) -> list[tuple[str, str]]:
    return [(line.to_status, line.reason) for line in order.history.all()]


@pytest.mark.parametrize(
    "current", [status for status in S if status not in (S.CLOSED, S.CANCELLED)], ids=str
)
@pytest.mark.parametrize("status", DECIDED, ids=str)
def test_news_of_a_decision_is_taken_over_as_it_comes(current: Status, status: Status) -> None:
    order = OrderFactory(status=current)
    follow_work_order(news(order, status))
    assert seen(order) == (status, Decimal("12.00"))
    assert story(order) == [(status, "")]
    assert order.mes_version == 7


@pytest.mark.parametrize("ended", [S.CLOSED, S.CANCELLED], ids=str)
@pytest.mark.parametrize("version", [1, 7], ids=["old news", "new news"])
@pytest.mark.parametrize("when", [-1, 1], ids=["before the end", "after the end"])
@pytest.mark.parametrize("status", DECIDED, ids=str)
def test_nothing_brings_back_what_the_shop_has_ended(
    ended: Status, version: int, when: int, status: Status
) -> None:
    order = OrderFactory(status=ended, mes_version=5)
    end = order.history.create(to_status=ended, actor_kind="client", at=NOW)

    # The clock of the machine that this comes from says the opposite.
    at = NOW - timedelta(seconds=5 * when)
    follow_work_order(news(order, status, version, at=at, sequence=end.sequence + when))

    assert seen(order) == (ended, None)
    assert order.mes_version == max(version, 5)
    if when < 0:
        assert story(order) == [(ended, ""), (status, "")], "what happened before the end stands below it"
    else:
        assert story(order) == [(ended, f"Came too late to matter: {status}."), (ended, "")]


def test_old_news_writes_its_line_and_moves_nothing() -> None:
    order = OrderFactory(status=S.PACKAGING, mes_version=9, price="99.00")
    newer = order.history.create(to_status=S.PACKAGING, actor_kind="operator", at=NOW)
    at = NOW + timedelta(seconds=5)
    follow_work_order(news(order, S.MANUFACTURING_COMPLETED, 8, at=at, sequence=newer.sequence - 1))
    assert seen(order) == (S.PACKAGING, Decimal("99.00"))
    assert [status for status, _reason in story(order)] == [S.PACKAGING, S.MANUFACTURING_COMPLETED]


def test_what_the_shop_decided_itself_brings_terms_only() -> None:
    order = OrderFactory(status=S.MANUFACTURING_APPROVED)
    follow_work_order(news(order, S.MANUFACTURING_APPROVED, decided=False))
    assert seen(order) == (S.MANUFACTURING_APPROVED, Decimal("12.00"))
    assert str(order.due_date) == "2027-01-31"
    assert story(order) == []


def test_news_of_an_order_that_is_not_there_yet_waits() -> None:
    order = Order(number="P-00000000")
    with pytest.raises(NotYet):
        follow_work_order(news(order, S.PRICE_CALCULATED))


def test_a_refusal_says_how_far_the_plant_was() -> None:
    order = OrderFactory(status=S.MANUFACTURING_APPROVED, cancel_requested=True)
    cancel_refused(
        CancelRefused(
            number=order.number,
            version=3,
            at=NOW,
            actor_kind=ActorKind.SYSTEM,
            status=S.PACKAGING,
            reason="Too late.",
        )
    )
    assert seen(order) == (S.MANUFACTURING_APPROVED, None), "the news of that is still on its way"
    assert not order.cancel_requested
    assert story(order) == [(S.PACKAGING, "Too late.")]


def test_a_partners_order_is_mirrored_once(paula: User) -> None:
    event = WorkOrderReceived(
        number="P-00000000",
        version=4,
        at=NOW,
        actor_kind=ActorKind.PARTNER,
        partner_id=paula.pk,
        title="Hoops",
        material="brass",
        quantity=4,
        engraving="",
        comment="",
        model=MODEL,
    )
    for _ in range(2):
        mirror_partner_order(event)
    order = Order.objects.get()
    assert (order.client, order.status, order.title, order.mes_version) == (paula, S.SUBMITTED, "Hoops", 4)
    assert order.model == MODEL
    assert story(order) == [(S.SUBMITTED, "")]


def test_a_price_comes_with_the_currency_it_was_computed_in(alice: User, settings: Settings) -> None:
    world = World(alice, alice, alice, alice)
    for step in PRICED:
        step(world)
    settings.CURRENCY = "CHF"
    world.deliver()
    assert world.order.currency == world.work_order.currency == "CHF"
