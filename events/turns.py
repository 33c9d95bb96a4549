"""Whose slow work is done next?

Fair queueing (Nagle, RFC 970; Demers, Keshav and Shenker 1989), with two queues by how long it takes, as in a
multilevel feedback queue (Corbato 1962):

1. Every piece of slow work has a short turn first. What is not done within it waits for a long one, in a
   queue of its own: nobody's short work waits behind somebody else's long work.
2. In either queue it is the turn of the owner who was served least recently; of one owner no two pieces are
   in work while another owner waits.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import connection
from django.db.models import F, Min, OuterRef, Subquery
from django.db.models.functions import Now

from events.models import OutboxEvent
from events.outbox import handlers, is_slow, waiting

# Two halves of one advisory lock's name: the letters of "turn" and the lock's number.
_LOCK = (0x7475726E, 1)
_NEVER = datetime.min.replace(tzinfo=UTC)
#: How often slow work renews its lease, seconds.
RENEWAL = 10


class NeedsLonger(Exception):
    """Raised by slow work that was not done within its short turn: it wants a long one."""


@dataclass(frozen=True)
class Turn:
    """What slow work is given: whether it may take long, and what it calls every few seconds
    (``RENEWAL``) while it takes, or its lease ends and another worker begins."""

    is_long: bool
    renew: Callable[[], None]


def next_in_turn(is_long: bool) -> list[int]:
    """The first waiting slow event of each owner whose time has come, by its id; whose turn it is, is first.

    Within a transaction, in which nobody else can choose until it ends.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", _LOCK)
    slow = waiting().filter(kind__in=[*filter(is_slow, handlers)])
    # Only a lease lasts exactly until the next nudge.
    in_work = slow.filter(started_at__isnull=False, attempt_at__gt=Now(), due_at=F("attempt_at"))
    of_owner = OutboxEvent.objects.filter(owner=OuterRef("owner"), started_at__isnull=False)
    due = slow.filter(is_long=is_long, attempt_at__lte=Now())
    turns = (
        due.order_by()
        .values("owner")
        .annotate(
            first=Min("pk"), served_at=Subquery(of_owner.order_by("-started_at").values("started_at")[:1])
        )
    )
    served = set(in_work.values_list("owner", flat=True))
    order = [
        (owner in served, served_at or _NEVER, first)
        for owner, first, served_at in turns.values_list("owner", "first", "served_at")
    ]
    return [first for *_, first in sorted(order)]
