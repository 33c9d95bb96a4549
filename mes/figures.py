"""How does the work flow: orders through time, time in each status, what waits too long, who claims?"""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Max, Q
from django.db.models.functions import TruncDay, TruncHour
from django.utils import timezone

from accounts.models import User
from caching.declared import in_transaction
from caching.load import from_postgresql
from caching.memo import Memo
from caching.tally import Tally
from events.vocabulary import ActorKind, Status
from mes.models import HELD, WorkOrder, WorkOrderStatusChange

#: Claims that came too late, by operator's id; counted where a claim is refused.
LOST = Tally("mes.claims_lost")
READY = Status.MANUFACTURING_APPROVED
#: Steps that the times in status are taken from, the last ones.
_STEPS = 20_000
_SECONDS_KEPT = 10
#: What this process has computed last, and when. It is no cached read: the page says how old it may be.
_LAST: Memo[tuple[float, "Figures"]] = Memo(most=1)

_TIMES = """
    SELECT from_status, count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY spent)
    FROM (
        SELECT h.from_status, extract(epoch FROM h.at - (
            SELECT max(before.at) FROM mes_workorderstatuschange before
            WHERE before.work_order_id = h.work_order_id AND before.at < h.at
        )) AS spent
        FROM mes_workorderstatuschange h
        WHERE h.at >= %s AND h.from_status <> '' AND h.from_status <> h.to_status
        ORDER BY h.at DESC LIMIT %s
    ) steps
    WHERE spent IS NOT NULL GROUP BY from_status
"""


@dataclass(frozen=True)
class Bar:
    """One hour or day: how many orders came in and how many left for their buyers."""

    since: datetime
    came: int
    shipped: int


@dataclass(frozen=True)
class Claimer:
    """An operator's claims of today; ``lost`` is None when that could not be asked."""

    name: str
    won: int
    lost: int | None


@dataclass(frozen=True)
class Figures:
    """What the dashboard shows besides the counts."""

    hours: list[Bar]
    days: list[Bar]
    times: list[tuple[str, int, timedelta]]
    oldest: tuple[str, datetime] | None
    overdue: int
    claimers: list[Claimer]


def figures() -> Figures:
    """The figures as they were at most ten seconds ago: a process computes them no oftener than that."""
    if in_transaction():
        return _compute()
    last = _LAST.get("figures")
    if last is None or last[0] < time.monotonic() - _SECONDS_KEPT:
        began = time.monotonic()
        last = began, from_postgresql("mes.figures", _compute)
        _LAST.put("figures", last)
    return last[1]


def overdue() -> Q:
    """Which work orders are late: promised for a day that is over, and not on their way."""
    return Q(due_date__lt=timezone.localdate(), status__in=[READY, *HELD])


def _compute() -> Figures:
    now = timezone.now()
    hour, day = (
        now.replace(minute=0, second=0, microsecond=0),
        now.replace(hour=0, minute=0, second=0, microsecond=0),
    )
    return Figures(
        hours=_bars(TruncHour("at"), [hour - timedelta(hours=n) for n in reversed(range(24))]),
        days=_bars(TruncDay("at"), [day - timedelta(days=n) for n in reversed(range(7))]),
        times=_times(now - timedelta(days=7)),
        oldest=_oldest(),
        overdue=WorkOrder.objects.filter(overdue()).count(),
        claimers=_claimers(day),
    )


def _bars(part: Any, moments: list[datetime]) -> list[Bar]:
    came, shipped = Q(from_status=""), Q(to_status=Status.SHIPPED)
    rows = (
        WorkOrderStatusChange.objects.filter(came | shipped, at__gte=moments[0])
        .order_by()
        .values_list(part)
        .annotate(came=Count("pk", filter=came), shipped=Count("pk", filter=shipped))
    )
    found = {since: (in_, out) for since, in_, out in rows}
    return [Bar(since, *found.get(since, (0, 0))) for since in moments]


def _times(since: datetime) -> list[tuple[str, int, timedelta]]:
    """Status, how many orders left it, and the median time they had spent in it; in the order of a life."""
    with connection.cursor() as cursor:
        cursor.execute(_TIMES, [since, _STEPS])
        found = {
            status: (number, timedelta(seconds=float(spent))) for status, number, spent in cursor.fetchall()
        }
    return [(status.value, *found[status.value]) for status in Status if status.value in found]


def _oldest() -> tuple[str, datetime] | None:
    """The claimable order that has waited longest, and since when."""
    order = WorkOrder.objects.claimable().first()
    if order is None:
        return None
    since = order.history.filter(to_status=READY).aggregate(since=Max("at"))["since"]
    return order.number, since or order.created_at


def _claimers(since: datetime) -> list[Claimer]:
    claims = WorkOrderStatusChange.objects.filter(
        to_status=Status.MANUFACTURING_STARTED,
        actor_kind=ActorKind.OPERATOR,
        at__gte=since,
        actor__isnull=False,
    )
    won = dict(claims.order_by().values_list("actor").annotate(Count("pk")))
    lost = LOST.read(since.date())
    people = User.objects.in_bulk({*won, *map(int, lost or ())})
    claimers = [
        Claimer(person.display_name, won.get(pk, 0), None if lost is None else lost.get(str(pk), 0))
        for pk, person in people.items()
    ]
    return sorted(claimers, key=lambda one: (-one.won, one.name))
