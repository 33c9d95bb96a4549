"""What the pieces that both APIs show look like, for OpenAPI."""

from typing import Any

from rest_framework import serializers

from events.flags import FlagCode
from events.vocabulary import ActorKind, Status


class ModelUploadSerializer(serializers.Serializer[Any]):
    """A 3D model: .stl (binary or ascii), .obj, .ply, .3mf or .glb."""

    file = serializers.FileField(allow_empty_file=True)


class StoredModelSerializer(serializers.Serializer[Any]):
    """The uploaded file: the client's name for it, bytes, digest."""

    name = serializers.CharField()
    size = serializers.IntegerField(help_text="Bytes.")
    sha256 = serializers.CharField(help_text="SHA-256 of the file, hexadecimal.")

    class Meta:
        ref_name = "Model"


class FlagSerializer(serializers.Serializer[Any]):
    """What is odd about the model; it stops no order."""

    code = serializers.ChoiceField([str(code) for code in FlagCode])
    detail = serializers.CharField(help_text="A sentence in English.")


class PriceBreakdownSerializer(serializers.Serializer[Any]):
    """How the price came about: volume and mass of one piece, costs of all pieces together."""

    volume_mm3 = serializers.DecimalField(max_digits=20, decimal_places=3)
    mass_g = serializers.DecimalField(max_digits=20, decimal_places=3)
    material_cost = serializers.DecimalField(max_digits=12, decimal_places=2)
    making_cost = serializers.DecimalField(max_digits=12, decimal_places=2)

    class Meta:
        ref_name = "PriceBreakdown"


class StatusChangeSerializer(serializers.Serializer[Any]):
    """Documents a line of the timeline; one that names the status before it again tells of a refusal."""

    status = serializers.ChoiceField(Status.choices)
    status_label = serializers.CharField()
    at = serializers.DateTimeField()
    actor_kind = serializers.ChoiceField(ActorKind.choices)
    reason = serializers.CharField()
