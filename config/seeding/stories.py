"""How does a life become an order: what was ordered, by whom, who made it, and the rows that say so?"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from accounts.models import User
from config.seeding.catalogue import Catalogue, Piece
from config.seeding.copying import NULL
from config.seeding.lives import Life, Step
from config.seeding.people import OTHER_CLIENTS
from events.vocabulary import ActorKind, Material, Status, default_currency

Row = dict[str, Any]
Line = tuple[str, str, str, str, str, str, str]
#: The columns of a timeline but for the order's own, which comes last but one.
LINE_COLUMNS = ("from_status", "to_status", "actor_kind", "reason", "at")

_MATERIALS = {
    Material.SILVER_925: 45,
    Material.GOLD_585: 25,
    Material.GOLD_750: 12,
    Material.PLATINUM_950: 8,
    Material.BRASS: 10,
}
_QUANTITIES = {1: 70, 2: 15, 3: 5, 5: 4, 10: 3, 25: 2, 100: 1}
_TITLE_ENDINGS = (
    "", "", "", " for Maria", " for my mother", ", matt finish", ", high polish", ", a pair",
    " with initials", ", wedding order", " after grandmother's", " for the shop window", ", engraved",
    ", second try", " for the anniversary", ", hammered look", ", sample before the series",
)  # fmt: skip
_ENGRAVINGS = ("", "", "", "Forever", "M & K 2026", "Для Ани", "To the moon", "A.L.", "14.02.2026")
_COMMENTS = (
    "", "", "", "Please leave the inside unpolished.", "Needed before Christmas, if at all possible.",
    "The last one was perfect: the same again.", "Call me before you cast it.",
)  # fmt: skip


class Cast:
    """Everybody and everything the stories choose from."""

    def __init__(self, users: dict[str, User], dice: random.Random) -> None:
        self.dice = dice
        self.currency = default_currency()
        self.catalogue = Catalogue()
        self.partner, self.seller = users["partner"], users["seller"]
        # The client who has a token shall find some orders of its own, too.
        self.clients = [users["client"]] * 3 + [users[person.username] for person in OTHER_CLIENTS]
        self.operators = [user for name, user in users.items() if name.startswith("operator")]
        self.materials = list(_MATERIALS), list(_MATERIALS.values())
        self.quantities = list(_QUANTITIES), list(_QUANTITIES.values())

    def tell(self, life: Life, number: str, shop_id: int, mes_id: int) -> "Story":
        """An order that had this life."""
        dice, choose = self.dice, self.dice.choice
        material = self.dice.choices(*self.materials)[0]
        quantity = dice.choices(*self.quantities)[0]
        broken = self.catalogue.pick(dice, sound=False)
        is_priced = Status.PRICE_CALCULATED in life.first
        piece = self.catalogue.pick(dice, sound=is_priced or Status.PRICING_FAILED not in life.first)
        terms = self.catalogue.terms(piece, material, quantity) if is_priced else None
        approved_at = life.first.get(Status.MANUFACTURING_APPROVED)
        lead = timedelta(days=self.catalogue.tariffs[material].lead_days)
        return Story(
            life=life,
            number=number,
            shop_id=shop_id,
            mes_id=mes_id,
            buyer=self.partner if life.is_partners else choose(self.clients),
            seller=self.seller,
            makers=tuple(choose(self.operators) for _ in range(life.claims)),
            piece=piece,
            broken=broken if is_priced else piece,
            shared={
                "number": number,
                "status": life.status.value,
                "title": piece.title + choose(_TITLE_ENDINGS),
                "material": material.value,
                "quantity": quantity,
                "engraving": "" if life.is_partners else choose(_ENGRAVINGS),
                "comment": "" if life.is_partners else choose(_COMMENTS),
                "price": terms and terms.price,
                "price_breakdown": terms and terms.breakdown,
                "flags": terms.flags if terms else "[]",
                "currency": self.currency,
                "due_date": approved_at and (approved_at + lead).date(),
            },
        )


@dataclass(frozen=True)
class Story:
    """One order: its life, its people, and the rows both contexts keep of it."""

    life: Life
    number: str
    shop_id: int
    mes_id: int
    buyer: User
    seller: User
    makers: tuple[User, ...]  # one for each claim
    piece: Piece
    broken: Piece  # the model whose pricing failed, if one did
    shared: Row  # the columns that read the same in both contexts

    def order(self) -> Row:
        """The Shop's row."""
        steps = self.life.steps
        has_model = self.life.is_partners or Status.FILE_UPLOADED in self.life.first
        return {
            **self.shared,
            "id": self.shop_id,
            "client_id": self.buyer.pk,
            "model": self.piece.model_json if has_model else None,
            "priced_at": self.life.first.get(Status.PRICE_CALCULATED),
            "cancel_requested": False,
            "mes_version": 0,
            "created_at": steps[0][1],
            "updated_at": steps[-1][1],
        }

    def work_order(self) -> Row:
        """The plant's row."""
        steps = self.life.mes_steps
        maker = self.makers[-1] if self.makers and self.life.is_held else None
        return {
            **self.shared,
            "id": self.mes_id,
            "partner_id": self.buyer.pk if self.life.is_partners else None,
            "external_id": f"PO-{self.number[2:]}" if self.life.is_partners else "",
            "model": self.piece.model_json,
            "operator_id": maker and maker.pk,
            "operator_name": maker.display_name if maker else "",
            "shop_version": 0,
            "created_at": steps[0][1],
            "updated_at": steps[-1][1],
        }

    def order_lines(self) -> Iterator[Line]:
        """The Shop's timeline; who worked on the order stays in the plant."""
        buyer, seller = str(self.buyer.pk), str(self.seller.pk)
        actors = {ActorKind.CLIENT: buyer, ActorKind.PARTNER: buyer, ActorKind.SELLER: seller}
        for before, step, kind, at in self._lines(self.life.steps):
            yield before, step.status, kind, self._reason(step), at, str(self.shop_id), actors.get(kind, NULL)

    def work_order_lines(self) -> Iterator[Line]:
        """The plant's timeline; of what the Shop decided it knows only the kind of actor."""
        makers = (str(maker.pk) for maker in self.makers)
        maker = NULL
        for before, step, kind, at in self._lines(self.life.mes_steps):
            if step.status == Status.MANUFACTURING_STARTED:
                maker = next(makers)
            actor = maker if kind == ActorKind.OPERATOR else NULL
            if self.life.is_partners and not before:
                actor = str(self.buyer.pk)
            yield before, step.status, kind, self._reason(step), at, str(self.mes_id), actor

    def _lines(self, steps: tuple[tuple[Step, str], ...]) -> Iterator[tuple[str, Step, ActorKind, str]]:
        """Each step with the status before it, who took it, and when."""
        before = ""
        buyer_kind = ActorKind.PARTNER if self.life.is_partners else ActorKind.CLIENT
        for step, at in steps:
            yield before, step, step.by or buyer_kind, at
            before = step.status

    def _reason(self, step: Step) -> str:
        return self.broken.reason if step.status == Status.PRICING_FAILED else step.reason
