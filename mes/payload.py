"""What the plant is shown of a work order: rendered from its own row alone, in no language, for no host."""

from typing import Any

from events.vocabulary import STATUS_LABELS, iso
from mes.models import WorkOrder


def board_row(order: WorkOrder) -> dict[str, Any]:
    """The row of the board as JSON-ready values; ``price`` is a decimal string, times are ISO 8601 UTC."""
    return {
        "number": order.number,
        "status": order.status,
        "status_label": STATUS_LABELS[order.status],
        "title": order.title,
        "material": order.material,
        "quantity": order.quantity,
        "price": None if order.price is None else str(order.price),
        "currency": order.currency,
        "due_date": order.due_date and order.due_date.isoformat(),
        "created_at": iso(order.created_at),
        "operator": None
        if order.operator_id is None
        else {"id": order.operator_id, "name": order.operator_name},
        "version": order.version,
        "url": f"/api/v1/mes/orders/{order.number}/",
    }


def work_order_payload(order: WorkOrder) -> dict[str, Any]:
    """The whole order: its row, and what only its own page shows."""
    return {
        **board_row(order),
        "engraving": order.engraving,
        "comment": order.comment,
        "external_id": order.external_id or None,
        "model": {name: order.model[name] for name in ("name", "size", "sha256")},
        "price_breakdown": order.price_breakdown,
        "flags": order.flags,
        "updated_at": iso(order.updated_at),
    }
