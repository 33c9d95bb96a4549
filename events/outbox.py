"""How an event gets from the transaction that caused it to the handler that answers it: once, whatever dies.

The transactional outbox pattern (https://microservices.io/patterns/data/transactional-outbox.html):

1. ``publish`` writes a row in the caller's transaction: no commit, no event; no event without its commit.
2. After commit a nudge is sent through the broker. The broker may lose it: ``renudge`` (beat) sends one
   for every row that has waited too long for its handler.
3. ``events.handling.handle`` answers a nudge.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from events.models import OutboxEvent
from events.vocabulary import Event

log = structlog.get_logger(__name__)

# How long a nudge may take before the beat sends another, and how long that one may take.
NUDGE_PATIENCE = timedelta(seconds=10)
RENUDGE_PATIENCE = timedelta(seconds=30)
# Seconds without nudges after the broker failed one: each may cost a request the broker's time-out.
BROKER_PAUSE = 5
HANDLED_KEPT = timedelta(days=30)
RENUDGE_BATCH = 1000
# Nudges for slow work of either length at a time.
MOST_TURNS = 200
# Where slow events wait for a short turn, and for a long one; see CELERY_TASK_QUEUES.
SLOW_QUEUE, LONG_QUEUE = "slow", "long"

E = TypeVar("E", bound=Event)
_broker = {"paused_until": 0.0}


@dataclass(frozen=True)
class Handler:
    """What answers a kind of event: ``apply``, in the transaction that marks it handled; before that, where
    something slow has to be done, ``work``, outside of any, whose result is given to ``apply``. ``work`` gets
    the event and its ``events.turns.Turn``."""

    event_class: type[Event]
    apply: Callable[..., None]
    work: Callable[..., Any] | None


handlers: dict[str, Handler] = {}


def is_slow(kind: str) -> bool:
    """Whether events of this kind take turns: their handler does slow work."""
    handler = handlers.get(kind)
    return handler is not None and handler.work is not None


def handles(
    event_class: type[E], *, work: Callable[..., Any] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register the one handler of an event class; see :class:`Handler`. Events with ``work`` wait in a queue
    of their own, so that a crowd of them holds up no others, and take turns (``events.turns``)."""

    def register(apply: Callable[..., None]) -> Callable[..., None]:
        if event_class.kind in handlers:
            raise ValueError(f"{event_class.kind} has a handler already")
        handlers[event_class.kind] = Handler(event_class, apply, work)
        return apply

    return register


def publish(event: Event) -> None:
    """Write the event beside what caused it, and nudge its handler after commit.

    Raises ``RuntimeError`` outside a transaction: an event must stand or fall with its cause.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(f"{event.kind} published outside a transaction")
    row = OutboxEvent.objects.create(
        kind=event.kind,
        subject=event.number,
        payload=event.to_payload(),
        owner=event.owner,
        due_at=Now() + NUDGE_PATIENCE,
    )
    transaction.on_commit(partial(nudge, row.pk, row.kind), robust=True)


def nudge(event_id: int, kind: str, is_long: bool = False, *, countdown: float = 0) -> bool:
    """Ask a worker to handle the event now, or in ``countdown`` seconds; if it is slow, the one whose
    turn it is then. False if the broker can't be asked: the beat will."""
    from events import tasks

    if time.monotonic() < _broker["paused_until"]:
        return False
    try:
        if is_slow(kind):
            queue = LONG_QUEUE if is_long else SLOW_QUEUE
            tasks.take_turn.apply_async((is_long,), countdown=countdown or None, queue=queue)
        else:
            tasks.handle.apply_async((event_id,), countdown=countdown or None)
    except Exception as error:
        _broker["paused_until"] = time.monotonic() + BROKER_PAUSE
        log.warning("nudge_failed", event_id=event_id, error=str(error))
        return False
    return True


def waiting() -> QuerySet[OutboxEvent]:
    """Events that are neither handled nor parked."""
    return OutboxEvent.objects.filter(handled_at=None, parked_at=None)


def renudge() -> int:
    """Nudge every event that has waited too long, oldest first, but for those that somebody is at; returns
    how many these are."""
    late = waiting().filter(due_at__lte=Now()).order_by("due_at")
    sent = []
    turns: Counter[bool] = Counter()
    for event_id, kind, is_long in _not_locked(late[:RENUDGE_BATCH]):
        takes_turns = is_slow(kind)
        turns[is_long] += takes_turns
        # Who is nudged for slow work takes the next turn, whosever it is: more are not taken until next time.
        is_needed = not takes_turns or turns[is_long] <= MOST_TURNS
        if is_needed and not nudge(event_id, kind, is_long):
            break
        sent.append(event_id)
    wake(late.filter(pk__in=sent), due_at=Now() + RENUDGE_PATIENCE)
    return len(sent)


def retry(event_ids: list[int]) -> int:
    """Wake parked events: their attempts start anew. Returns how many were parked."""
    parked = OutboxEvent.objects.filter(pk__in=event_ids, parked_at__isnull=False, handled_at=None)
    with transaction.atomic():
        anew = {"parked_at": None, "attempts": 0, "waiting_since": None, "attempt_at": Now()}
        woken = wake(parked, **anew, due_at=Now() + NUDGE_PATIENCE)
        for event in woken:
            transaction.on_commit(partial(nudge, *event), robust=True)
    return len(woken)


def wake(events: QuerySet[OutboxEvent], **values: Any) -> list[tuple[int, str, bool]]:
    """Update those of the events that nobody is at; returns what ``nudge`` takes of each."""
    with transaction.atomic():
        free = _not_locked(events)
        OutboxEvent.objects.filter(pk__in=[event_id for event_id, *_ in free]).update(**values)
    return free


def purge() -> int:
    """Delete events handled longer ago than ``HANDLED_KEPT``; returns how many."""
    old = OutboxEvent.objects.filter(handled_at__lt=timezone.now() - HANDLED_KEPT)
    return old.delete()[0]


def _not_locked(events: QuerySet[OutboxEvent]) -> list[tuple[int, str, bool]]:
    with transaction.atomic():
        return list(events.select_for_update(skip_locked=True).values_list("pk", "kind", "is_long"))
