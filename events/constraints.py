"""What must be so in an order's row, in either context, whoever writes it."""

from django.db.models import BaseConstraint, CheckConstraint, Q

from caching.constraints import days, moments
from events.vocabulary import Material, Status

#: What ``numeric(12, 2)`` holds, but for NaN.
_MONEY = (0, "9999999999.99")


def sound_order(prefix: str, *moment_fields: str) -> list[BaseConstraint]:
    """Its words are known, its figures are figures, its dates are in the calendar, its file has a name."""
    conditions = {
        "status": Q(status__in=sorted(Status.values)),
        "material": Q(material__in=sorted(Material.values)),
        "quantity": Q(quantity__gte=1),
        "price": Q(price__range=_MONEY),
        "model": Q(model__has_keys=["name", "size", "sha256"]),
    }
    checks = [CheckConstraint(condition=q, name=f"{prefix}_{name}") for name, q in conditions.items()]
    return [*checks, moments(prefix, *moment_fields), days(prefix, "due_date")]
