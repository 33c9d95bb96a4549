"""What the Shop caches: each order, by its number, for its client."""

from django.conf import settings

from caching.entity import EntityCache
from shop.models import Order
from shop.payload import order_payload

ORDERS = EntityCache(
    name="shop.orders",
    status_name="shop-order",
    model=Order,
    key="number",
    render=order_payload,
    columns=(
        "number", "client_id", "status", "title", "material", "quantity", "engraving", "comment", "model",
        "price", "price_breakdown", "flags", "currency", "created_at", "updated_at", "due_date", "version",
    ),
    owner="client_id",
    payload_version=2,
    ttl=lambda: settings.CACHE_SHOP_TTL,
    partition_count=settings.CACHE_SHOP_PARTITIONS,
)  # fmt: skip
