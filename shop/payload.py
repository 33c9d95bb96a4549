"""What a client is shown of an order: rendered from its own row alone, in no language, for no host."""

from typing import Any

from events.vocabulary import STATUS_LABELS, iso
from shop.models import Order


def order_payload(order: Order) -> dict[str, Any]:
    """The order as JSON-ready values; ``price`` is a decimal string, times are ISO 8601 UTC."""
    return {
        "number": order.number,
        "status": order.status,
        "status_label": STATUS_LABELS[order.status],
        "title": order.title,
        "material": order.material,
        "quantity": order.quantity,
        "engraving": order.engraving,
        "comment": order.comment,
        "model": order.model and {name: order.model[name] for name in ("name", "size", "sha256")},
        "price": None if order.price is None else str(order.price),
        "price_breakdown": order.price_breakdown,
        "flags": order.flags,
        "currency": order.currency,
        "created_at": iso(order.created_at),
        "updated_at": iso(order.updated_at),
        "due_date": order.due_date and order.due_date.isoformat(),
        "version": order.version,
        "url": f"/api/v1/shop/orders/{order.number}/",
    }
