"""How an event is handled: once, whatever dies, and without holding up any other.

1. Take a lease, if the event is due: count the attempt and say when the next one is due. That is committed
   first, so that an event that kills its worker is parked in the end too. Whoever is nudged before that
   moment finds nothing to do, and it costs no attempt.
2. Do what is slow, outside of any transaction: nobody waits for it. The lease is renewed meanwhile.
3. In one transaction: lock the row, see that the lease is still ours, apply, mark the row handled.

What fails is tried again after a back-off, and parked after ``MAX_ATTEMPTS``. To wait, for an event that has
to come first (:class:`NotYet`) or for a row that somebody has locked, is no failure: it has a patience of its
own, and who waits for another event of its order is woken when one was handled.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

import structlog
from django.db import OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from psycopg2.errors import LockNotAvailable

from events.models import OutboxEvent
from events.outbox import NUDGE_PATIENCE, handlers, is_slow, nudge, waiting, wake
from events.turns import NeedsLonger, Turn, next_in_turn

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 12
#: How long after its worker has died slow work is begun again.
LEASE = timedelta(seconds=30)
#: How long an event may wait for another, or for a lock, and how long it sleeps at most.
WAIT_PATIENCE = timedelta(days=1)
LONGEST_SLEEP = timedelta(seconds=60)
SHORTEST_SLEEP = timedelta(seconds=0.5)
#: How long a handler waits for a row that somebody has locked: it has a worker's slot meanwhile.
LOCK_TIMEOUT = "2s"


class NotYet(Exception):
    """Raised by a handler whose event came before one it depends on: try again, there is no fault."""


class _LeaseLost(Exception):
    """Another attempt has begun since, or the event is handled or gone."""


def handle(event_id: int) -> bool:
    """Handle one event if it is due and nobody else is at it; true when it was handled now."""
    return _attempt(lambda: [event_id])


def take_turn(is_long: bool) -> bool:
    """Handle the slow event whose turn it is, if any; true when one was handled."""
    return _attempt(lambda: next_in_turn(is_long))


def _attempt(choose: Callable[[], list[int]]) -> bool:
    row = _take_lease(choose)
    if row is None:
        return False
    try:
        _handle(row)
    except _LeaseLost:
        return False
    except NeedsLonger:
        _give_long_turn(row)
        return False
    except Exception as error:
        _record_failure(row, error)
        return False
    return True


def _handle(row: OutboxEvent) -> None:
    handler = handlers.get(row.kind)
    if handler is None:
        raise LookupError(f"no handler for {row.kind}")
    event = handler.event_class.from_payload(row.payload, sequence=row.pk)
    done = [handler.work(event, Turn(row.is_long, partial(_renew, row)))] if handler.work else []
    with transaction.atomic():
        now = _lock(row)
        handler.apply(event, *done)
        row.handled_at, row.waiting_since, row.error = now, None, ""
        row.save(update_fields=["handled_at", "waiting_since", "error"])
        transaction.on_commit(partial(_wake_those_behind, row.subject), robust=True)


def _take_lease(choose: Callable[[], list[int]]) -> OutboxEvent | None:
    """The first of these events that is due and not in somebody's hands; its next attempt is due when this
    one should be over. None if there is none. One attempt too many parks it, and the next one is taken."""
    with transaction.atomic():
        for event_id in choose():
            due = waiting().filter(pk=event_id, attempt_at__lte=Now()).annotate(now=Now())
            row = due.select_for_update(skip_locked=True).first()
            if row is None:
                continue
            row.leased_at = now = row.now
            if row.attempts >= MAX_ATTEMPTS:
                row.parked_at = now
                row.error = row.error or "The worker died at each attempt."
                row.save(update_fields=["parked_at", "error"])
                continue
            row.attempts += 1
            lease = _backoff(row.attempts)  # who does no slow work holds the row's lock until then
            if is_slow(row.kind):
                row.started_at, lease = now, LEASE
            row.attempt_at = row.due_at = now + lease
            row.save(update_fields=["attempts", "started_at", "attempt_at", "due_at"])
            return row
        return None


def _renew(row: OutboxEvent) -> None:
    """Slow work goes on: nobody else may begin it. Raises :class:`_LeaseLost`."""
    try:
        with transaction.atomic():
            row.attempt_at = row.due_at = _lock(row) + LEASE
            row.save(update_fields=["attempt_at", "due_at"])
    except OperationalError as trouble:
        if not _is_locked(trouble):
            raise  # else the next renewal may come through


def _give_long_turn(row: OutboxEvent) -> None:
    """A short turn was too short. That is no failure."""
    with suppress(_LeaseLost), transaction.atomic():
        row.attempt_at = _lock(row)
        row.due_at = row.attempt_at + NUDGE_PATIENCE
        row.attempts, row.is_long = row.attempts - 1, True
        row.waiting_since, row.error = None, ""
        row.save(update_fields=["attempts", "is_long", "waiting_since", "error", "attempt_at", "due_at"])
        transaction.on_commit(partial(nudge, row.pk, row.kind, row.is_long), robust=True)


def _lock(row: OutboxEvent) -> datetime:
    """Lock the row, and wait for no lock for long in what follows; returns PostgreSQL's time, which all
    workers share. Raises :class:`_LeaseLost`."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = %s", [LOCK_TIMEOUT])
    ours = waiting().filter(pk=row.pk, attempt_at=row.attempt_at).annotate(now=Now())
    now: datetime | None = ours.select_for_update().values_list("now", flat=True).first()
    if now is None:
        raise _LeaseLost
    return now


def _backoff(attempt: int) -> timedelta:
    """0.5 s after the first attempt, doubling, an hour at most."""
    return timedelta(seconds=min(0.5 * 2 ** (attempt - 1), 3600))


def _record_failure(row: OutboxEvent, error: Exception) -> None:
    """Keep the error where an engineer looks, and plan the next attempt or park the event."""
    try:
        with transaction.atomic():
            now = _lock(row)
            pause = _wait(row, now) if _is_wait(error) else _fail(row, now)
            # PostgreSQL stores neither NUL nor lone surrogates, and this line must never fail itself.
            text = f"{type(error).__name__}: {error}"[:2000].replace("\0", "?")
            row.error = text.encode(errors="replace").decode()
            row.attempt_at = now + pause
            row.due_at = row.attempt_at + NUDGE_PATIENCE
            kept = ["attempts", "started_at", "waiting_since", "error", "parked_at", "attempt_at", "due_at"]
            row.save(update_fields=kept)
    except _LeaseLost:
        return
    except OperationalError as trouble:
        if not _is_locked(trouble):
            raise
        return  # somebody has locked the event itself: when the next attempt is due is written already
    if row.parked_at:
        log.error("event_parked", event_id=row.pk, kind=row.kind, subject=row.subject, error=row.error)
        return
    if not _is_wait(error):
        log.warning("event_failed", event_id=row.pk, kind=row.kind, attempt=row.attempts, exc_info=error)
    nudge(row.pk, row.kind, row.is_long, countdown=pause.total_seconds())


def _is_wait(error: Exception) -> bool:
    return isinstance(error, NotYet) or _is_locked(error)


def _is_locked(error: Exception) -> bool:
    return isinstance(error.__cause__, LockNotAvailable)


def _fail(row: OutboxEvent, now: datetime) -> timedelta:
    row.waiting_since = None
    if row.attempts >= MAX_ATTEMPTS:
        row.parked_at = now
    return _backoff(row.attempts)


def _wait(row: OutboxEvent, now: datetime) -> timedelta:
    """The attempt doesn't count. Sleep as long again as it has waited; it is given up when it has waited for
    longer than its patience, and nothing is on the way that came before it."""
    row.attempts -= 1
    row.started_at = None  # its owner was not served
    row.waiting_since = row.waiting_since or now
    waited = now - row.waiting_since
    if waited > WAIT_PATIENCE and not waiting().filter(subject=row.subject, pk__lt=row.pk).exists():
        row.parked_at = now
    came = OutboxEvent.objects.filter(subject=row.subject, handled_at__gte=row.leased_at)
    if came.exists():  # since this attempt began
        return SHORTEST_SLEEP
    return min(max(waited, SHORTEST_SLEEP), LONGEST_SLEEP)


def _wake_those_behind(subject: str) -> None:
    """An event of this order was handled: it may be the one that others have waited for."""
    wake_waiting(OutboxEvent.objects.filter(subject=subject))


def wake_waiting(events: QuerySet[OutboxEvent]) -> None:
    """What those of the events that found it too early have waited for may have come."""
    behind = events.filter(handled_at=None, waiting_since__isnull=False)
    # Of one that is under a lease, the nudge is due when that ends; of one that sleeps, later.
    asleep = behind.filter(Q(due_at__gt=F("attempt_at")) | Q(parked_at__isnull=False))
    for event in wake(asleep, parked_at=None, attempt_at=Now(), due_at=Now() + NUDGE_PATIENCE):
        nudge(*event)
