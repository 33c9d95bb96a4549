"""Which models do the demo's orders carry, and what does the plant ask for each?"""

import json
import random
from dataclasses import dataclass
from functools import cached_property, lru_cache

from django.core.files.base import ContentFile

from config.demo_models import demo_models
from events import model_files
from events.model_files import StoredModel
from events.vocabulary import Material
from mes import mesh, picture, pricing
from mes.models import Tariff


@dataclass(frozen=True)
class Piece:
    """One model of the demo, kept like any upload: its solid, or the reason why it can't be priced."""

    data: bytes
    model: StoredModel
    solid: mesh.Solid | None
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
    flag: str


class Catalogue:
    """The models of the demo and the tariffs of today, measured and priced by the plant's own code."""

    def __init__(self) -> None:
        pieces = [_keep(name, data) for name, data in demo_models()]
        self.sound = [piece for piece in pieces if piece.solid]
        self.broken = [piece for piece in pieces if not piece.solid]
        self.tariffs = {tariff.material: tariff for tariff in Tariff.objects.all()}
        self.terms = lru_cache(maxsize=None)(self._terms)

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
            flag=pricing.suspicion(piece.solid, quoted),
        )


def _keep(name: str, data: bytes) -> Piece:
    model = model_files.store(ContentFile(data, name))
    try:
        with model_files.open_model(model) as file:
            solid = mesh.measure(file, model.kind)
        picture.keep(model, solid.picture)
        return Piece(data, model, solid, "")
    except mesh.Unpriceable as error:
        return Piece(data, model, None, error.reason)
