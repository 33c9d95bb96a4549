"""What the MES does with the Shop's news, and with its own wish for a price.

News may come late or in any order: a handler compares the version of the Shop's order it speaks of with
the one it applied last; older news only writes its line of history.
"""

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from events.handling import NotYet
from events.model_files import ModelKind, StoredModel
from events.outbox import handles, publish
from events.turns import Turn
from events.vocabulary import (
    ActorKind,
    CancelRefused,
    CancelRequested,
    Event,
    OrderApproved,
    OrderCancelled,
    OrderClosed,
    OrderSubmitted,
    PricingRequested,
    Status,
)
from mes import pricing
from mes.geometry.answers import Solid, Unpriceable
from mes.lifecycle import TRANSITIONS
from mes.measurements import solid_in
from mes.models import Tariff, WorkOrder
from mes.services import move, record_late, request_pricing, save, work_order_enter


@handles(OrderSubmitted)
def receive_order(event: OrderSubmitted) -> None:
    """Enter the Shop's order, or take its new model after a failed pricing, and ask for a price."""
    order = WorkOrder.objects.select_for_update().filter(number=event.number).first()
    terms = {
        "title": event.title,
        "material": event.material,
        "quantity": event.quantity,
        "engraving": event.engraving,
        "comment": event.comment,
        "model": event.model,
        "shop_version": event.version,
    }
    if order is None:
        work_order_enter(WorkOrder(number=event.number, **terms), None, event.actor_kind, event.client_id)
    elif event.version < order.shop_version:
        record_late(order, event, Status.SUBMITTED)
    else:
        for name, value in terms.items():
            setattr(order, name, value)
        order.flags = []
        move(order, Status.SUBMITTED, None, event.actor_kind, decided=False)
        request_pricing(order, event.client_id)


@handles(OrderApproved)
def approve_order(event: OrderApproved) -> None:
    """Make the order claimable, and promise the day it will be done."""
    order = _lock(event, Status.MANUFACTURING_APPROVED)
    if order:
        lead = Tariff.objects.get(material=order.material).lead_days
        order.due_date = (timezone.now() + timedelta(days=lead)).date()
        move(order, Status.MANUFACTURING_APPROVED, None, event.actor_kind, decided=False)


@handles(OrderCancelled)
def cancel_order(event: OrderCancelled) -> None:
    """Follow the Shop, which decides alone until approval."""
    order = _lock(event, Status.CANCELLED)
    if order:
        move(order, Status.CANCELLED, None, event.actor_kind, event.reason, decided=False)


@handles(CancelRequested)
def decide_cancel(event: CancelRequested) -> None:
    """Cancel an order nobody has claimed; refuse, with the reason, when manufacturing has begun."""
    # However late a request comes, it is answered by what is now.
    order = _find(event)
    order.shop_version = max(order.shop_version, event.version)
    if TRANSITIONS.allows(order.status, Status.CANCELLED, ActorKind(event.actor_kind)):
        move(order, Status.CANCELLED, None, event.actor_kind, event.reason)
        return
    save(order)
    publish(
        CancelRefused(
            number=order.number,
            version=order.version,
            at=order.updated_at,
            actor_kind=ActorKind.SYSTEM,
            status=order.status,
            reason="Manufacturing has begun: the order can no longer be cancelled.",
        )
    )


@handles(OrderClosed)
def close_order(event: OrderClosed) -> None:
    """Follow the Shop: the delivery was confirmed."""
    order = _lock(event, Status.CLOSED)
    if order:
        move(order, Status.CLOSED, None, event.actor_kind, decided=False)


def measure_model(event: PricingRequested, turn: Turn) -> Solid | Unpriceable | None:
    """The solid in the model's file, or why there is none. It may take a minute, so nobody waits for it; None
    where nobody needs it any more."""
    if not _to_price(event).exists():
        return None
    return solid_in(StoredModel.from_json(event.model), turn)


@handles(PricingRequested, work=measure_model)
def price_order(event: PricingRequested, measured: Solid | Unpriceable | None) -> None:
    """Price the solid, unless the order has moved on or has another model by now."""
    order = _to_price(event).select_for_update().first()
    if order is None or measured is None:
        return
    try:
        if isinstance(measured, Unpriceable):
            raise measured
        tariff = Tariff.objects.get(material=order.material)
        quoted = pricing.quote(measured.volume_mm3, order.quantity, tariff)
    except Unpriceable as error:
        move(order, Status.PRICING_FAILED, None, ActorKind.SYSTEM, str(error))
        return
    order.price, order.currency = quoted.price, quoted.currency
    order.price_breakdown = quoted.breakdown.to_json()
    flags = pricing.flags_of(measured, quoted, ModelKind(order.model["kind"]))
    order.flags = [flag.to_json() for flag in flags]
    # They are questions to the client, so they stand in the timeline as the reason.
    reason = "\n".join(flag.detail for flag in flags)
    move(order, Status.PRICE_CALCULATED, None, ActorKind.SYSTEM, reason)


def _to_price(event: PricingRequested) -> QuerySet[WorkOrder]:
    return WorkOrder.objects.filter(number=event.number, status=Status.SUBMITTED, model=event.model)


def _lock(event: Event, to_status: Status) -> WorkOrder | None:
    """The work order, locked and marked with the news's version; None when the news is late."""
    order = _find(event)
    if event.version < order.shop_version:
        record_late(order, event, to_status)
        return None
    order.shop_version = event.version
    return order


def _find(event: Event) -> WorkOrder:
    """The work order, locked. Raises ``NotYet`` when its own event is still on the way."""
    order = WorkOrder.objects.select_for_update().filter(number=event.number).first()
    if order is None:
        raise NotYet(f"{event.number} has not arrived yet")
    return order
