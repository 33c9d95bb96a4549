"""How do pages show an order's status, its age, and money to people?"""

from datetime import datetime
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.timesince import timesince

from events.vocabulary import Status

#: The colour of a status, by the names unfold gives its labels; the others are grey.
STATUS_COLOURS = {
    Status.PRICE_CALCULATED: "info",
    Status.PRICING_FAILED: "danger",
    Status.MANUFACTURING_APPROVED: "primary",
    Status.MANUFACTURING_STARTED: "warning",
    Status.MANUFACTURING_COMPLETED: "warning",
    Status.PACKAGING: "warning",
    Status.SHIPPED: "success",
}


def money(amount: Decimal | str | None, currency: str) -> str:
    """An amount as people of the active language write it; a dash when there is none yet."""
    if amount is None:
        return "–"
    return (
        f"{number_format(Decimal(amount), 2, use_l10n=True, force_grouping=True)}\N{NO-BREAK SPACE}{currency}"
    )


def age(since: datetime) -> str:
    """How long ago, in the largest unit that fits: "3 hours"."""
    return timesince(since, depth=1)
