"""How do pages show what a work order's row holds as plain, languageless values?"""

from datetime import date, datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from events import looks, reasons
from events.vocabulary import Material, Status
from mes.pages import steps

register = template.Library()

register.filter(looks.age)
register.filter(looks.lasting)
register.filter(reasons.translated)
register.filter(steps.next_step)
register.filter(steps.may_release)


@register.filter
def status_label(status: str) -> str:
    """The status in the reader's language; what can be claimed is called so."""
    return _("Ready to claim") if status == Status.MANUFACTURING_APPROVED else str(Status(status).label)


@register.filter
def status_colour(status: str) -> str:
    """The status's colour, by the names of unfold's labels."""
    return looks.STATUS_COLOURS.get(Status(status), "default")


@register.filter
def material_label(material: str) -> str:
    """The material in the reader's language."""
    return str(Material(material).label)


@register.filter
def price(row: dict[str, Any]) -> str:
    """The row's price as people of the reader's language write it."""
    return looks.money(row["price"], row["currency"])


@register.filter
def moment(text: str | None) -> datetime | None:
    """A time or date of a row, which are ISO 8601, for the filters ``date`` and ``age``."""
    return datetime.fromisoformat(text) if text else None


@register.filter
def day(moment: date) -> str:
    """Day and month, as short as the reader's language has it."""
    return date_format(moment, "MONTH_DAY_FORMAT")


@register.filter
def is_past(text: str | None) -> bool:
    """Whether a date of a row is before today."""
    return bool(text) and date.fromisoformat(str(text)) < timezone.localdate()


@register.filter
def percent(share: float) -> str:
    """A share of one as a percentage with one decimal."""
    return f"{number_format(100 * share, 1, use_l10n=True)}\N{NO-BREAK SPACE}%"


@register.filter
def whole(number: int) -> str:
    """A count as people of the reader's language write it."""
    return number_format(number, use_l10n=True, force_grouping=True)
