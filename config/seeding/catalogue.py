"""Which models do the demo's orders carry, and what does the plant ask for each?"""

import io
import json
import random
from dataclasses import dataclass
from functools import cache, cached_property

from django.core.files.base import ContentFile

from config.demo_models import demo_models
from events import model_files
from events.model_files import ModelKind, StoredModel
from events.vocabulary import Material
from mes import picture, pricing
from mes.geometry.answers import Solid, Unpriceable
from mes.geometry.measuring import measure
from mes.models import Tariff


@dataclass(frozen=True)
class Piece:
    """One model of the demo, kept like any upload: its solid, or the reason why it can't be priced."""

    model: StoredModel
    solid: Solid | None
    reason: str

    @cached_property
    def model_json(self) -> str:
        """The model as the orders' column holds it."""
        return json.dumps(self.model.to_json())

    @property
    def title(self) -> str:
        """What the piece is, from the name of its file."""
        return self.model.name.rpartition(".")[0].replace("-", " ").replace("_", " ").capitalize()


@dataclass(frozen=True)
class Terms:
    """What a priced order says of its price, as the columns hold it."""

    price: str
    breakdown: str
    flags: str


class Catalogue:
    """The models of the demo and the tariffs of today, measured and priced by the plant's own code."""

    def __init__(self) -> None:
        pieces = [_keep(name, data) for name, data in demo_models()]
        self.sound = [piece for piece in pieces if piece.solid]
        self.broken = [piece for piece in pieces if not piece.solid]
        self.tariffs = {tariff.material: tariff for tariff in Tariff.objects.all()}
        self.terms = cache(self._terms)

    def pick(self, dice: random.Random, *, sound: bool = True) -> Piece:
        """A piece that can be priced, or one that can't."""
        return dice.choice(self.sound if sound else self.broken)

    def _terms(self, piece: Piece, material: Material, quantity: int) -> Terms:
        if piece.solid is None:
            raise ValueError(f"{piece.model.name} has no price: {piece.reason}")
        quoted = pricing.quote(piece.solid.volume_mm3, quantity, self.tariffs[material])
        return Terms(
            price=str(quoted.price),
            breakdown=json.dumps(quoted.breakdown.to_json()),
            flags=json.dumps(
                [flag.to_json() for flag in pricing.flags_of(piece.solid, quoted, piece.model.kind)]
            ),
        )


def _keep(name: str, data: bytes) -> Piece:
    model = model_files.store(ContentFile(data, name))
    found = _measured(data, model.kind)
    if isinstance(found, Unpriceable):
        return Piece(model, None, found.reason)
    picture.keep(model, found.picture)
    return Piece(model, found, "")


@cache
def _measured(data: bytes, kind: ModelKind) -> Solid | Unpriceable:
    """What the plant would find in the file, once a process: it takes most of a small demo's time."""
    try:
        return measure(io.BytesIO(data), kind)
    except Unpriceable as error:
        return error
