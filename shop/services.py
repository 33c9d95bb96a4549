"""How a Shop order changes: every write of a client or seller, each one transaction under the row lock."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from events import model_files
from events.outbox import publish
from events.vocabulary import (
    ActorKind,
    CancelRequested,
    Event,
    OrderApproved,
    OrderCancelled,
    OrderClosed,
    OrderSubmitted,
    Status,
)
from shop.lifecycle import TRANSITIONS
from shop.models import Order, OrderStatusChange

EXPIRY_BATCH = 500


def order_create(*, client: User, title: str, material: str, quantity: int, **optional: str) -> Order:
    """A new order, INITIATED. ``optional``: engraving, comment. Raises Django's ``ValidationError``."""
    order = Order(client=client, title=title, material=material, quantity=quantity, **optional)
    order.full_clean(validate_constraints=False)  # PostgreSQL will; asked now, it costs a statement for each
    with transaction.atomic():
        order.save()
        _record(order, "", client, _buyer_kind(order), timezone.now())
    return order


def order_upload_model(*, order_id: int, actor: User, upload: UploadedFile) -> Order:
    """Keep the client's 3D model, FILE_UPLOADED. Raises what ``model_files.store`` refuses with."""
    order = Order.objects.get(pk=order_id)
    # Asked before as well as under the lock: what is refused shall not fill the disk.
    TRANSITIONS.check(order.status, Status.FILE_UPLOADED, _buyer_kind(order))
    stored = model_files.store(upload)
    with transaction.atomic():
        order = _lock(order_id)
        order.model = stored.to_json()
        order.price = order.price_breakdown = order.priced_at = None
        order.flags = []
        _move(order, Status.FILE_UPLOADED, actor, _buyer_kind(order))
    return order


def order_submit(*, order_id: int, actor: User) -> Order:
    """Place the order: the MES will price it."""
    with transaction.atomic():
        order = _lock(order_id)
        _move(order, Status.SUBMITTED, actor, _buyer_kind(order))
        _tell(
            OrderSubmitted,
            order,
            _buyer_kind(order),
            title=order.title,
            material=order.material,
            quantity=order.quantity,
            engraving=order.engraving,
            comment=order.comment,
            model=order.model,
            client_id=order.client_id,
        )
    return order


def order_approve(*, order_id: int, actor: User, actor_kind: ActorKind) -> Order:
    """Accept the price: the plant may begin."""
    with transaction.atomic():
        order = _lock(order_id)
        _move(order, Status.MANUFACTURING_APPROVED, actor, actor_kind)
        _tell(OrderApproved, order, actor_kind)
    return order


def order_close(*, order_id: int, actor: User, actor_kind: ActorKind) -> Order:
    """Confirm delivery."""
    with transaction.atomic():
        order = _lock(order_id)
        _move(order, Status.CLOSED, actor, actor_kind)
        _tell(OrderClosed, order, actor_kind)
    return order


def order_cancel(*, order_id: int, actor: User | None, actor_kind: ActorKind, reason: str = "") -> Order:
    """Cancel before approval; after it only ask (``cancel_requested``), because the MES decides."""
    with transaction.atomic():
        order = _lock(order_id)
        if order.status == Status.MANUFACTURING_APPROVED:
            _request_cancel(order, actor, actor_kind, reason)
            return order
        known_to_mes = order.history.filter(to_status=Status.SUBMITTED).exists()
        _move(order, Status.CANCELLED, actor, actor_kind, reason)
        if known_to_mes:
            _tell(OrderCancelled, order, actor_kind, reason=reason)
    return order


def expire_quotes() -> int:
    """Cancel orders whose price was not accepted within ``QUOTE_DAYS``; returns how many."""
    oldest = timezone.now() - timedelta(days=settings.QUOTE_DAYS)
    expired = Order.objects.filter(status=Status.PRICE_CALCULATED, priced_at__lt=oldest)
    done = 0
    for order_id in expired.order_by("priced_at").values_list("pk", flat=True)[:EXPIRY_BATCH]:
        with transaction.atomic():
            # Looked at again under the lock: the client may have accepted in the meantime.
            if not expired.select_for_update().filter(pk=order_id).exists():
                continue
            order_cancel(
                order_id=order_id,
                actor=None,
                actor_kind=ActorKind.SYSTEM,
                reason=f"The price was not accepted within {settings.QUOTE_DAYS} days.",
            )
            done += 1
    return done


def record(order: Order, from_status: str, to_status: str, **line: Any) -> None:
    """Write one line of the timeline."""
    OrderStatusChange.objects.create(order=order, from_status=from_status, to_status=to_status, **line)


def _buyer_kind(order: Order) -> ActorKind:
    """Partners' orders begin at the MES, with a P."""
    return ActorKind.PARTNER if order.number.startswith("P") else ActorKind.CLIENT


def _lock(order_id: int) -> Order:
    return Order.objects.select_for_update().get(pk=order_id)


def _move(order: Order, target: Status, actor: User | None, actor_kind: ActorKind, reason: str = "") -> None:
    """Take the step the lifecycle allows, and write it down."""
    TRANSITIONS.check(order.status, target, actor_kind)
    before, order.status = order.status, target
    _save(order)
    _record(order, before, actor, actor_kind, order.updated_at, reason)


def _record(
    order: Order, before: str, actor: User | None, actor_kind: ActorKind, at: datetime, reason: str = ""
) -> None:
    record(order, before, order.status, actor=actor, actor_kind=actor_kind, at=at, reason=reason)


def _save(order: Order) -> None:
    """Save, and learn the version the trigger has set."""
    order.save()
    order.refresh_from_db(fields=["version"])


def _request_cancel(order: Order, actor: User | None, actor_kind: ActorKind, reason: str) -> None:
    if order.cancel_requested:
        return
    order.cancel_requested = True
    _save(order)
    _record(order, order.status, actor, actor_kind, order.updated_at, f"Asked to cancel. {reason}".strip())
    _tell(CancelRequested, order, actor_kind, reason=reason)


def _tell(event_class: type[Event], order: Order, actor_kind: ActorKind, **fields: Any) -> None:
    """Publish the order's news to the MES."""
    publish(
        event_class(
            number=order.number,
            version=order.version,
            at=order.updated_at,
            actor_kind=actor_kind,
            **fields,
        )
    )
