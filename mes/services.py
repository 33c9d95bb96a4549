"""How a work order changes: every write is one transaction under the row lock, and tells the Shop."""

from datetime import date
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from events import model_files
from events.outbox import publish
from events.vocabulary import (
    ActorKind,
    PricingRequested,
    Status,
    WorkOrderChanged,
    WorkOrderReceived,
    new_number,
)
from mes.lifecycle import TRANSITIONS
from mes.models import NextPosition, WorkOrder, WorkOrderStatusChange


def work_order_receive(
    *, partner: User, upload: UploadedFile, external_id: str = "", **fields: Any
) -> tuple[WorkOrder, bool]:
    """A partner's order, SUBMITTED, straight into the MES; the same ``external_id`` again is the same order.

    ``fields``: title, material, quantity. Returns (order, whether it is new). Raises what
    ``model_files.store`` refuses with, and Django's ``ValidationError``.
    """
    stored = model_files.store(upload)
    with transaction.atomic():
        # Two requests with one external id: the second waits here until the first has committed.
        User.objects.select_for_update(no_key=True).get(pk=partner.pk)
        if external_id and (
            known := WorkOrder.objects.filter(partner=partner, external_id=external_id).first()
        ):
            return known, False
        order = WorkOrder(
            number=new_number("P"),
            partner=partner,
            external_id=external_id,
            model=stored.to_json(),
            **fields,
        )
        order.full_clean(validate_constraints=False)  # PostgreSQL will
        work_order_enter(order, partner, ActorKind.PARTNER, partner.pk)
        publish(
            WorkOrderReceived(
                number=order.number,
                version=order.version,
                at=order.created_at,
                actor_kind=ActorKind.PARTNER,
                partner_id=partner.pk,
                title=order.title,
                material=order.material,
                quantity=order.quantity,
                engraving=order.engraving,
                comment=order.comment,
                model=order.model,
            )
        )
    return order, True


def work_order_enter(order: WorkOrder, actor: User | None, actor_kind: str, client_id: int | None) -> None:
    """Save a new order, write its first line of history, and ask for its price in the client's turn."""
    order.save()
    _record(order, "", actor, actor_kind)
    request_pricing(order, client_id)


def request_pricing(order: WorkOrder, client_id: int | None) -> None:
    """Ask, in the same transaction, for the price of the model the order has now."""
    publish(
        PricingRequested(
            number=order.number,
            version=order.version,
            at=order.updated_at,
            actor_kind=ActorKind.SYSTEM,
            model=order.model,
            client_id=client_id,
        )
    )


def move(
    order: WorkOrder,
    target: Status,
    actor: User | None,
    actor_kind: str,
    reason: str = "",
    *,
    decided: bool = True,
) -> None:
    """Take the step the lifecycle allows on a locked order, write it down, and tell the Shop.

    ``decided`` is false when the MES only follows what the Shop has decided: that is no news to the Shop.
    """
    TRANSITIONS.check(order.status, target, ActorKind(actor_kind))
    before, order.status = order.status, target
    if target == Status.MANUFACTURING_APPROVED:
        # Claimable (again): new to every operator, so on top.
        order.position = NextPosition()
    save(order)
    _record(order, before, actor, actor_kind, reason)
    _tell_shop(order, actor_kind, reason, decided)


def save(order: WorkOrder) -> None:
    """Save, and learn what PostgreSQL has set: the version, and the position when it was drawn anew."""
    order.save()
    order.refresh_from_db(fields=["version", "position"])


def record_late(order: WorkOrder, event: Any, to_status: Status) -> None:
    """A line of history for news that came after newer news: it moves nothing."""
    WorkOrderStatusChange.objects.create(
        work_order=order,
        from_status=order.status,
        to_status=to_status,
        actor_kind=event.actor_kind,
        reason=event.reason,
        at=event.at,
        sequence=event.sequence,
    )


def _record(order: WorkOrder, before: str, actor: User | None, actor_kind: str, reason: str = "") -> None:
    WorkOrderStatusChange.objects.create(
        work_order=order,
        from_status=before,
        to_status=order.status,
        actor=actor,
        actor_kind=actor_kind,
        reason=reason,
        at=order.updated_at if before else timezone.now(),
    )


def _tell_shop(order: WorkOrder, actor_kind: str, reason: str, decided: bool) -> None:
    due: date | None = order.due_date
    publish(
        WorkOrderChanged(
            number=order.number,
            version=order.version,
            at=order.updated_at,
            actor_kind=actor_kind,
            reason=reason,
            status=order.status,
            decided=decided,
            price=None if order.price is None else str(order.price),
            currency=order.currency,
            price_breakdown=order.price_breakdown,
            flags=order.flags,
            due_date=due.isoformat() if due else None,
        )
    )
