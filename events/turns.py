"""Whose slow work is done next?

Fair queueing (Nagle, RFC 970; Demers, Keshav and Shenker 1989), with two queues by how long it takes, as in a
multilevel feedback queue (Corbato 1962):

1. Every piece of slow work has a short turn first. What is not done within it waits for a long one, in a
   queue of its own: nobody's short work ever waits behind somebody's long work.
2. In either queue it is the turn of the owner who was served least recently; of one owner no two pieces are
   in work while another owner waits.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Now

from events.models import OutboxEvent
from events.outbox import handlers, waiting

# Two halves of one advisory lock's name: the letters of "turn" and the lock's number.
_LOCK = (0x7475726E, 1)


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


def next_in_turn(is_long: bool) -> QuerySet[OutboxEvent]:
    """The waiting slow events whose time has come, the one whose turn it is first.

    Within a transaction, in which nobody else can choose until it ends.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", _LOCK)
    slow = [kind for kind, handler in handlers.items() if handler.work]
    of_owner = OutboxEvent.objects.filter(owner=OuterRef("owner"), started_at__isnull=False)
    # Only a lease lasts exactly until the next nudge.
    in_work = of_owner.filter(handled_at=None, parked_at=None, attempt_at__gt=Now(), due_at=F("attempt_at"))
    served = of_owner.order_by("-started_at").values("started_at")[:1]
    due = waiting().filter(kind__in=slow, is_long=is_long, attempt_at__lte=Now())
    return due.annotate(is_served=Exists(in_work), served_at=served).order_by(
        "is_served", F("served_at").asc(nulls_first=True), "pk"
    )
