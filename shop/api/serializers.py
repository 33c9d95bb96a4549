"""What the clients' API takes, and what its answers look like (for OpenAPI; they are rendered elsewhere)."""

from typing import Any

from rest_framework import serializers

from events.schemas import FlagSerializer, PriceBreakdownSerializer, StoredModelSerializer
from events.vocabulary import Material, Status
from shop.models import MAX_QUANTITY, Order


class OrderCreateSerializer(serializers.ModelSerializer[Order]):
    """A new order."""

    quantity = serializers.IntegerField(min_value=1, max_value=MAX_QUANTITY)

    class Meta:
        model = Order
        fields = ["title", "material", "quantity", "engraving", "comment"]


class OrderListQuerySerializer(serializers.Serializer[Any]):
    """Which orders to list."""

    status = serializers.ChoiceField(Status.choices, required=False)


class CancelSerializer(serializers.Serializer[Any]):
    """Why an order is cancelled."""

    reason = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class OrderSerializer(serializers.Serializer[Any]):
    """An order as its client sees it; see ``shop.payload.order_payload``."""

    number = serializers.CharField()
    status = serializers.ChoiceField(Status.choices)
    status_label = serializers.CharField()
    title = serializers.CharField()
    material = serializers.ChoiceField(Material.choices)
    quantity = serializers.IntegerField()
    engraving = serializers.CharField()
    comment = serializers.CharField()
    model = StoredModelSerializer(allow_null=True)
    price = serializers.DecimalField(max_digits=12, decimal_places=2, allow_null=True)
    price_breakdown = PriceBreakdownSerializer(allow_null=True)
    flags = FlagSerializer(many=True)
    currency = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    due_date = serializers.DateField(allow_null=True)
    version = serializers.IntegerField(help_text="Grows with every change.")
    url = serializers.CharField(help_text="A path.")


class OrderCancelledSerializer(OrderSerializer):
    """The order, and whether its cancelling waits for the plant's decision."""

    cancel_requested = serializers.BooleanField()
