"""What must be so in a cached row, whoever writes it: nobody could read or show it otherwise."""

from datetime import UTC, date, datetime

from django.db.models import CheckConstraint, Q

# Python knows the years 1 to 9999; PostgreSQL also those before Christ, and "infinity". A day off each end is
# for time zones.
_FIRST, _LAST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)


def moments(prefix: str, *fields: str) -> CheckConstraint:
    """The moments in these columns are such that Python knows them."""
    condition = Q(*(Q(**{f"{field}__range": (_FIRST, _LAST)}) for field in fields))
    return CheckConstraint(condition=condition, name=f"{prefix}_moments")


def days(prefix: str, *fields: str) -> CheckConstraint:
    """The same, for dates."""
    condition = Q(*(Q(**{f"{field}__range": (date.min, date.max)}) for field in fields))
    return CheckConstraint(condition=condition, name=f"{prefix}_days")
