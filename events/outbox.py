"""How an event gets from the transaction that caused it to the handler that answers it: once, whatever dies.

The transactional outbox pattern (https://microservices.io/patterns/data/transactional-outbox.html):

1. ``publish`` writes a row in the caller's transaction: no commit, no event; no event without its commit.
2. After commit a nudge is sent through the broker. The broker may lose it: ``renudge`` (beat) sends one
   for every row that is due.
3. ``handle`` counts the attempt and commits that first, so that an event that kills its worker is parked
   in the end too. Then, in one transaction: lock the row, run the handler, mark the row handled.
4. A handler that fails is tried again after a back-off, and parked after ``MAX_ATTEMPTS``.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from events.models import OutboxEvent
from events.vocabulary import Event

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 12
# Seconds a nudge may take before the beat sends another.
NUDGE_PATIENCE = 10
# Seconds without nudges after the broker failed one: each may cost a request the broker's time-out.
BROKER_PAUSE = 5
HANDLED_KEPT = timedelta(days=30)
RENUDGE_BATCH = 1000
# Where slow events wait; see CELERY_TASK_QUEUES.
SLOW_QUEUE = "slow"

E = TypeVar("E", bound=Event)
_handlers: dict[str, tuple[type[Event], Callable[[Any], None]]] = {}
_broker = {"paused_until": 0.0}


class NotYet(Exception):
    """Raised by a handler whose event came before one it depends on: try again, there is no fault."""


def handles(event_class: type[E]) -> Callable[[Callable[[E], None]], Callable[[E], None]]:
    """Register the one handler of an event class. It runs inside the transaction that marks it handled."""

    def register(handler: Callable[[E], None]) -> Callable[[E], None]:
        if event_class.kind in _handlers:
            raise ValueError(f"{event_class.kind} has a handler already")
        _handlers[event_class.kind] = (event_class, handler)
        return handler

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
        due_at=timezone.now() + timedelta(seconds=NUDGE_PATIENCE),
    )
    transaction.on_commit(partial(nudge, row.pk, row.kind), robust=True)


def nudge(event_id: int, kind: str, countdown: float = 0) -> bool:
    """Ask a worker to handle the event now, or in ``countdown`` seconds. False if the broker can't be
    asked: the beat will."""
    from events import tasks

    if time.monotonic() < _broker["paused_until"]:
        return False
    event_class, _handler = _handlers.get(kind, (Event, None))
    queue = SLOW_QUEUE if event_class.is_slow else None
    try:
        tasks.handle.apply_async((event_id,), countdown=countdown or None, queue=queue)
    except Exception as error:
        _broker["paused_until"] = time.monotonic() + BROKER_PAUSE
        log.warning("nudge_failed", event_id=event_id, error=str(error))
        return False
    return True


def renudge() -> int:
    """Nudge every waiting event that is due, oldest first; returns how many nudges were sent."""
    now = timezone.now()
    waiting = OutboxEvent.objects.filter(handled_at=None, parked_at=None, due_at__lte=now)
    due = list(waiting.order_by("due_at").values_list("pk", "kind")[:RENUDGE_BATCH])
    sent = []
    for event_id, kind in due:
        if not nudge(event_id, kind):
            break
        sent.append(event_id)
    OutboxEvent.objects.filter(pk__in=sent, due_at__lte=now).update(
        due_at=now + timedelta(seconds=3 * NUDGE_PATIENCE)
    )
    return len(sent)


def handle(event_id: int) -> bool:
    """Handle one event if it still waits and nobody else is at it; true when it was handled now."""
    if not _begin_attempt(event_id):
        return False
    try:
        with transaction.atomic():
            row = _lock(event_id)
            if row is None:
                return False
            if row.kind not in _handlers:
                raise LookupError(f"no handler for {row.kind}")
            event_class, handler = _handlers[row.kind]
            handler(event_class.from_payload(row.payload))
            row.handled_at = timezone.now()
            row.error = ""
            row.save(update_fields=["handled_at", "error"])
    except Exception as error:
        _record_failure(event_id, error)
        return False
    return True


def retry(event_ids: list[int]) -> int:
    """Wake parked events: their attempts start anew. Returns how many were parked."""
    parked = OutboxEvent.objects.filter(pk__in=event_ids, parked_at__isnull=False, handled_at=None)
    with transaction.atomic():
        woken = dict(parked.select_for_update().values_list("pk", "kind"))
        OutboxEvent.objects.filter(pk__in=woken).update(parked_at=None, attempts=0, due_at=timezone.now())
        for event_id, kind in woken.items():
            transaction.on_commit(partial(nudge, event_id, kind), robust=True)
    return len(woken)


def purge() -> int:
    """Delete events handled longer ago than ``HANDLED_KEPT``; returns how many."""
    old = OutboxEvent.objects.filter(handled_at__lt=timezone.now() - HANDLED_KEPT)
    return old.delete()[0]


def _lock(event_id: int) -> OutboxEvent | None:
    """The waiting row, locked; None when it is handled, parked, gone, or in another worker's hands."""
    return (
        OutboxEvent.objects.select_for_update(skip_locked=True)
        .filter(pk=event_id, handled_at=None, parked_at=None)
        .first()
    )


def _begin_attempt(event_id: int) -> bool:
    """Count the attempt before it is made, in a transaction of its own; park one attempt too many."""
    with transaction.atomic():
        row = _lock(event_id)
        if row is None:
            return False
        if row.attempts >= MAX_ATTEMPTS:
            row.parked_at = timezone.now()
            row.error = row.error or "The worker died at each attempt."
            row.save(update_fields=["parked_at", "error"])
            return False
        OutboxEvent.objects.filter(pk=event_id).update(
            attempts=F("attempts") + 1, due_at=timezone.now() + _backoff(row.attempts + 1)
        )
        return True


def _backoff(attempt: int) -> timedelta:
    """0.5 s after the first attempt, doubling, an hour at most."""
    return timedelta(seconds=min(0.5 * 2 ** (attempt - 1), 3600))


def _record_failure(event_id: int, error: Exception) -> None:
    """Keep the error where an engineer looks, and plan the next attempt or park the event."""
    with transaction.atomic():
        row = OutboxEvent.objects.select_for_update().filter(pk=event_id, handled_at=None).first()
        if row is None:
            return
        # PostgreSQL stores neither NUL nor lone surrogates, and this line must never fail itself.
        text = f"{type(error).__name__}: {error}"[:2000].replace("\0", "?")
        row.error = text.encode(errors="replace").decode()
        if row.attempts >= MAX_ATTEMPTS:
            row.parked_at = timezone.now()
        row.due_at = timezone.now() + _backoff(row.attempts)
        row.save(update_fields=["error", "parked_at", "due_at"])
    if row.parked_at:
        log.error("event_parked", event_id=event_id, kind=row.kind, subject=row.subject, error=row.error)
        return
    if not isinstance(error, NotYet):
        log.warning("event_failed", event_id=event_id, kind=row.kind, attempt=row.attempts, exc_info=error)
    nudge(event_id, row.kind, countdown=_backoff(row.attempts).total_seconds())
