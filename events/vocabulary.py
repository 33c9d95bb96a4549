"""The words Shop and MES share: statuses, materials, order numbers and the events between them."""

import secrets
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Status(models.TextChoices):
    """Where an order is in its life; who decides each stands in architecture.md."""

    INITIATED = "INITIATED", _("Initiated")
    FILE_UPLOADED = "FILE_UPLOADED", _("File uploaded")
    SUBMITTED = "SUBMITTED", _("Submitted")
    PRICE_CALCULATED = "PRICE_CALCULATED", _("Price calculated")
    PRICING_FAILED = "PRICING_FAILED", _("Pricing failed")
    MANUFACTURING_APPROVED = "MANUFACTURING_APPROVED", _("Manufacturing approved")
    MANUFACTURING_STARTED = "MANUFACTURING_STARTED", _("Manufacturing started")
    MANUFACTURING_COMPLETED = "MANUFACTURING_COMPLETED", _("Manufacturing completed")
    PACKAGING = "PACKAGING", _("Packaging")
    SHIPPED = "SHIPPED", _("Shipped")
    CLOSED = "CLOSED", _("Closed")
    CANCELLED = "CANCELLED", _("Cancelled")


#: The statuses of an order that no operator holds and that is still to be made.
UNCLAIMED = frozenset(
    {Status.SUBMITTED, Status.PRICE_CALCULATED, Status.PRICING_FAILED, Status.MANUFACTURING_APPROVED}
)


#: English labels, the API's only language.
STATUS_LABELS = {str(status): status.replace("_", " ").capitalize() for status in Status.values}


class Material(models.TextChoices):
    """What an order is made of."""

    SILVER_925 = "silver_925", _("Silver 925")
    GOLD_585 = "gold_585", _("Gold 585")
    GOLD_750 = "gold_750", _("Gold 750")
    PLATINUM_950 = "platinum_950", _("Platinum 950")
    BRASS = "brass", _("Brass")


class ActorKind(models.TextChoices):
    """Who moved an order, as far as anybody outside may know."""

    CLIENT = "client", _("Client")
    PARTNER = "partner", _("Partner")
    SELLER = "seller", _("Seller")
    OPERATOR = "operator", _("Operator")
    SYSTEM = "system", _("System")


def default_currency() -> str:
    """ISO 4217 code of every new price."""
    return str(settings.CURRENCY)


def iso(moment: datetime) -> str:
    """A moment as every API answer and page carries it: ISO 8601, UTC, with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


# Crockford's base 32 (https://www.crockford.com/base32.html): no I, L, O or U to misread.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
NUMBER_PATTERN = r"[AP]-[0-9A-HJKMNP-TV-Z]{8}"


def new_number(prefix: str) -> str:
    """A random order number: ``A-`` (the Shop's) or ``P-`` (a partner's) and 8 base-32 characters."""
    bits = secrets.randbits(40)
    return f"{prefix}-{''.join(_ALPHABET[bits >> shift & 31] for shift in range(0, 40, 5))}"


# A payload is written by one release and may be read by the next: change a field's meaning, raise this.
SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to one order. ``version`` is the source row's, so receivers can tell late
    news from new; ``at`` is when it happened, UTC, by the clock of one machine; ``sequence``, known to those
    who receive it, is its place in timelines (``events.history``)."""

    kind: ClassVar[str]
    number: str
    version: int
    at: datetime
    actor_kind: str
    reason: str = ""
    sequence: int = field(default=0, compare=False)

    @property
    def owner(self) -> int:
        """The user whose turn slow work on the event takes (``events.turns``), 0 for nobody in particular."""
        return 0

    def to_payload(self) -> dict[str, Any]:
        """The event as JSON-ready values, with the schema it was written in."""
        values = asdict(self)
        del values["sequence"]
        return {**values, "at": self.at.isoformat(), "schema": SCHEMA}

    @classmethod
    def from_payload(cls, payload: dict[str, Any], sequence: int = 0) -> "Event":
        """The event a payload holds; what a later release has added to it is passed over.

        Raises ``ValueError`` for a schema this release can't read.
        """
        if (schema := payload.get("schema")) != SCHEMA:
            raise ValueError(f"{cls.kind}: can't read payload schema {schema!r}, only {SCHEMA}")
        known = {one.name: payload[one.name] for one in fields(cls) if one.name in payload}
        return cls(**{**known, "at": datetime.fromisoformat(payload["at"]), "sequence": sequence})


@dataclass(frozen=True, kw_only=True)
class OrderSubmitted(Event):
    """Shop -> MES: a client placed an order, or placed it again with another model."""

    kind = "shop.order_submitted"
    title: str
    material: str
    quantity: int
    engraving: str
    comment: str
    model: dict[str, Any]
    client_id: int | None = None  # an older release doesn't say


@dataclass(frozen=True, kw_only=True)
class OrderApproved(Event):
    """Shop -> MES: the price was accepted; the order may be claimed."""

    kind = "shop.order_approved"


@dataclass(frozen=True, kw_only=True)
class OrderCancelled(Event):
    """Shop -> MES: cancelled before approval, while the Shop decides alone."""

    kind = "shop.order_cancelled"


@dataclass(frozen=True, kw_only=True)
class CancelRequested(Event):
    """Shop -> MES: the client asks to cancel an approved order; the MES decides."""

    kind = "shop.cancel_requested"


@dataclass(frozen=True, kw_only=True)
class OrderClosed(Event):
    """Shop -> MES: delivery confirmed."""

    kind = "shop.order_closed"


@dataclass(frozen=True, kw_only=True)
class WorkOrderReceived(Event):
    """MES -> Shop: a partner's order entered at the MES; the Shop mirrors it."""

    kind = "mes.work_order_received"
    partner_id: int
    title: str
    material: str
    quantity: int
    engraving: str
    comment: str
    model: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class WorkOrderChanged(Event):
    """MES -> Shop: the work order's status and terms as of ``version``.

    ``decided`` is false when the MES only follows the Shop's own decision: then there is no news of the
    status in it, only of the terms (the due date set at approval).
    """

    kind = "mes.work_order_changed"
    status: str
    decided: bool
    price: str | None
    currency: str
    price_breakdown: dict[str, Any] | None
    due_date: str | None
    flags: list[dict[str, str]] | None = None  # an older release knows of none


@dataclass(frozen=True, kw_only=True)
class CancelRefused(Event):
    """MES -> Shop: too late to cancel, manufacturing has begun; ``status`` says how far it is."""

    kind = "mes.cancel_refused"
    status: str


@dataclass(frozen=True, kw_only=True)
class PricingRequested(Event):
    """MES -> MES: compute the price of this model. ``version`` is the work order's when it was asked."""

    kind = "mes.pricing_requested"
    model: dict[str, Any]
    client_id: int | None = None

    @property
    def owner(self) -> int:
        """The client, or the partner: clients' models are measured in turn."""
        return self.client_id or 0
