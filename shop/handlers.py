"""What the Shop does with the MES's news. News may come late or in any order; a status never moves back."""

from datetime import date
from decimal import Decimal
from typing import Any

from accounts.models import User
from events.handling import NotYet
from events.model_files import StoredModel
from events.outbox import handles
from events.vocabulary import CancelRefused, Event, Status, WorkOrderChanged, WorkOrderReceived
from shop.models import Order
from shop.services import record

# What the Shop has ended by itself no news can bring back.
_ENDED = (Status.CANCELLED, Status.CLOSED)


@handles(WorkOrderReceived)
def mirror_partner_order(event: WorkOrderReceived) -> None:
    """Give a partner's order a place in the Shop, where the partner follows it like any client."""
    order, created = Order.objects.get_or_create(
        number=event.number,
        defaults={
            "client": User.objects.get(pk=event.partner_id),
            "status": Status.SUBMITTED,
            "title": event.title,
            "material": event.material,
            "quantity": event.quantity,
            "engraving": event.engraving,
            "comment": event.comment,
            "model": StoredModel.from_json(event.model).to_json(),
            "mes_version": event.version,
        },
    )
    if created:
        record(order, "", Status.SUBMITTED, actor=order.client, **_of(event))


@handles(WorkOrderChanged)
def follow_work_order(event: WorkOrderChanged) -> None:
    """Take over the work order's status and terms, unless something newer was taken over before."""
    order = _lock(event.number)
    before, line, reason = order.status, event.status, event.reason
    if before in _ENDED and order.history.filter(to_status=before, sequence__lt=event.sequence).exists():
        line, reason = before, f"Came too late to matter: {event.status}."
    if event.version > order.mes_version:
        order.mes_version = event.version
        if before not in _ENDED:
            _take_over(order, event)
        order.save()
    if event.decided:
        record(order, before, line, **{**_of(event), "reason": reason})


@handles(CancelRefused)
def cancel_refused(event: CancelRefused) -> None:
    """Tell the client that manufacturing had begun before the request came."""
    order = _lock(event.number)
    order.cancel_requested = False
    order.save()
    # The status is the MES's: its own news of it may still be on the way, and belongs below this line.
    record(order, event.status, event.status, **_of(event))


def _of(event: Event) -> dict[str, Any]:
    """What a line of the timeline says of the event that it tells of."""
    return {
        "actor_kind": event.actor_kind, "at": event.at, "reason": event.reason, "sequence": event.sequence
    }  # fmt: skip


def _take_over(order: Order, event: WorkOrderChanged) -> None:
    order.price = Decimal(event.price) if event.price is not None else None
    order.currency = event.currency
    order.price_breakdown = event.price_breakdown
    if event.flags is not None:
        order.flags = event.flags
    order.due_date = date.fromisoformat(event.due_date) if event.due_date else None
    if not event.decided:
        return
    order.status = event.status
    if event.status == Status.PRICE_CALCULATED:
        order.priced_at = event.at
    if event.status == Status.CANCELLED:
        order.cancel_requested = False


def _lock(number: str) -> Order:
    """The order, locked. A partner's order may not be mirrored yet when its first news comes."""
    order = Order.objects.select_for_update().filter(number=number).first()
    if order is None:
        raise NotYet(f"{number} is not in the Shop yet")
    return order
