"""How do pages show an order's status, its age, and money to people?"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.utils.formats import number_format
from django.utils.timesince import timesince
from django.utils.translation import ngettext

from events.vocabulary import Status

#: The colour of a status, by the names unfold gives its labels.
STATUS_COLOURS = {
    **dict.fromkeys(Status, "default"),
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


def lasting(time: timedelta) -> str:
    """A length of time in its largest unit that fits: "3 hours"; seconds below a minute."""
    if time < timedelta(minutes=1):
        return ngettext("%(n)d second", "%(n)d seconds", time.seconds) % {"n": time.seconds}
    start = datetime(2001, 1, 1, tzinfo=UTC)
    return timesince(start, start + time, depth=1)
