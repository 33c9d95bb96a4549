"""What the plant's API takes, and what its answers look like (for OpenAPI; they are rendered elsewhere)."""

from typing import Any

from rest_framework import serializers

from events.schemas import (
    FlagSerializer,
    ModelUploadSerializer,
    PriceBreakdownSerializer,
    StoredModelSerializer,
)
from events.vocabulary import Material, Status
from mes.models import MAX_QUANTITY


class BoardQuerySerializer(serializers.Serializer[Any]):
    """Which orders to list; ``operator=me`` lists what the caller holds."""

    status = serializers.ChoiceField(Status.choices, required=False)
    material = serializers.ChoiceField(Material.choices, required=False)
    operator = serializers.ChoiceField(["me"], required=False)


class ClaimNextQuerySerializer(serializers.Serializer[Any]):
    """Of which material the next order is to be."""

    material = serializers.ChoiceField(Material.choices, required=False)


class PartnerOrderSerializer(ModelUploadSerializer):
    """A partner's order with its 3D model; the same ``external_id`` again is the same order."""

    title = serializers.CharField(max_length=120)
    material = serializers.ChoiceField(Material.choices)
    quantity = serializers.IntegerField(min_value=1, max_value=MAX_QUANTITY)
    external_id = serializers.CharField(max_length=100, required=False)


class ReleaseSerializer(serializers.Serializer[Any]):
    """Why an order goes back to the board."""

    reason = serializers.CharField(max_length=500)


class OperatorSerializer(serializers.Serializer[Any]):
    """Who holds an order."""

    id = serializers.IntegerField()
    name = serializers.CharField(help_text="As it was at the claim.")


class BoardRowSerializer(serializers.Serializer[Any]):
    """A row of the board; see ``mes.payload.board_row``."""

    number = serializers.CharField()
    status = serializers.ChoiceField(Status.choices)
    status_label = serializers.CharField()
    title = serializers.CharField()
    material = serializers.ChoiceField(Material.choices)
    quantity = serializers.IntegerField()
    price = serializers.DecimalField(max_digits=12, decimal_places=2, allow_null=True)
    currency = serializers.CharField()
    due_date = serializers.DateField(allow_null=True)
    created_at = serializers.DateTimeField()
    operator = OperatorSerializer(allow_null=True)
    version = serializers.IntegerField(help_text="Grows with every change.")
    url = serializers.CharField(help_text="A path.")


class WorkOrderSerializer(BoardRowSerializer):
    """A whole work order; see ``mes.payload.work_order_payload``."""

    engraving = serializers.CharField()
    comment = serializers.CharField()
    external_id = serializers.CharField(allow_null=True)
    model = StoredModelSerializer()
    price_breakdown = PriceBreakdownSerializer(allow_null=True)
    flags = FlagSerializer(many=True)
    updated_at = serializers.DateTimeField()


class DashboardSerializer(serializers.Serializer[Any]):
    """How many orders stand where."""

    counts = serializers.DictField(child=serializers.IntegerField(), help_text="By status.")
    unclaimed = serializers.IntegerField()
    as_of = serializers.DateTimeField()
