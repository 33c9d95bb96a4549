"""Is every event handled once, whatever fails: its cause, its handler, its worker, its schema?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from events import handling, outbox
from events.models import OutboxEvent
from events.vocabulary import Event
from tests.outbox import handle_due, make_due
from tests.threads import Paused, at_once

committed = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True, kw_only=True)
class Rang(Event):
    """An event of these tests' own."""

    kind = "tests.rang"


class Bell:
    """A handler of these tests' own: it leaves a user behind, then does what the test tells it."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        #: A user whose row it locks, if any.
        self.needs: int | None = None

    def __call__(self, event: Rang) -> None:
        list(User.objects.select_for_update().filter(pk=self.needs))
        User.objects.create(username=f"rang-{event.sequence}-{User.objects.count()}")
        if self.error:
            raise self.error

    @property
    def rings(self) -> int:
        """How often it rang for good."""
        return User.objects.filter(username__startswith="rang-").count()


@pytest.fixture
def bell(db: None) -> Iterator[Bell]:
    handler = Bell()
    outbox.handles(Rang)(handler)
    yield handler
    del outbox.handlers[Rang.kind]


def ring(number: str = "A-00000000") -> int:
    """Publish one; its id."""
    with transaction.atomic():
        outbox.publish(Rang(number=number, version=1, at=timezone.now(), actor_kind="system"))
    return OutboxEvent.objects.latest("id").pk


def row(event_id: int) -> OutboxEvent:
    return OutboxEvent.objects.get(pk=event_id)


@committed
def test_publishing_outside_a_transaction_is_refused() -> None:
    with pytest.raises(RuntimeError, match="outside a transaction"):
        outbox.publish(Rang(number="A-00000000", version=1, at=timezone.now(), actor_kind="system"))
    assert not OutboxEvent.objects.exists()


@committed
def test_a_cause_that_is_rolled_back_leaves_no_event(bell: Bell) -> None:
    with transaction.atomic():
        ring()
        transaction.set_rollback(True)
    assert not OutboxEvent.objects.exists()


def test_an_event_is_handled_once_however_often_it_is_delivered(bell: Bell) -> None:
    event_id = ring()
    assert [handling.handle(event_id) for _ in range(3)] == [True, False, False]
    handled = row(event_id)
    assert bell.rings == 1
    assert (handled.attempts, handled.error, handled.parked_at) == (1, "", None)
    assert handled.handled_at is not None


def test_an_event_that_is_gone_is_no_fault(bell: Bell) -> None:
    assert handling.handle(123456) is False


def test_what_a_failing_handler_did_is_undone_and_its_error_kept(bell: Bell) -> None:
    event_id = ring()
    bell.error = ZeroDivisionError("no tools")
    before = timezone.now()

    assert handling.handle(event_id) is False

    failed = row(event_id)
    assert bell.rings == 0
    assert (failed.attempts, failed.error) == (1, "ZeroDivisionError: no tools")
    assert failed.handled_at is None
    assert failed.parked_at is None
    assert failed.attempt_at > before


def test_an_error_postgresql_can_not_store_is_kept_without_what_it_can_not(bell: Bell) -> None:
    event_id = ring()
    bell.error = ValueError("a name with \0 in it, and \ud800")
    assert handling.handle(event_id) is False
    assert row(event_id).error.startswith("ValueError: a name with ")


def test_a_failed_event_is_tried_again_after_longer_and_longer_pauses(bell: Bell) -> None:
    event_id = ring()
    bell.error = ZeroDivisionError("no tools")
    for pause in (0.5, 1, 2, 4, 8, 16):
        before = timezone.now()
        handle_due(event_id)
        after = timezone.now()
        due = row(event_id).attempt_at - timedelta(seconds=pause)
        assert before < due < after

    bell.error = None
    assert handle_due(event_id) is True
    assert (bell.rings, row(event_id).error) == (1, "")


def test_a_nudge_before_the_next_attempt_is_due_costs_none(bell: Bell) -> None:
    """The more of them a broker has kept while there was no worker, the sooner it would have been parked."""
    event_id = ring()
    bell.error = ZeroDivisionError("no tools")
    for _ in range(40):
        assert handling.handle(event_id) is False
    assert (row(event_id).attempts, row(event_id).parked_at) == (1, None)
    bell.error = None
    assert handle_due(event_id) is True


def test_an_event_that_always_fails_is_parked_and_waits_for_an_engineer(bell: Bell) -> None:
    event_id = ring()
    bell.error = ZeroDivisionError("no tools")
    for _ in range(handling.MAX_ATTEMPTS):
        assert row(event_id).parked_at is None
        handle_due(event_id)
    parked = row(event_id)
    assert parked.parked_at is not None
    assert (parked.attempts, parked.error) == (handling.MAX_ATTEMPTS, "ZeroDivisionError: no tools")

    bell.error = None
    assert handling.handle(event_id) is False, "a parked event is left alone"
    OutboxEvent.objects.update(due_at=timezone.now() - timedelta(hours=1))
    assert outbox.renudge() == 0, "a parked event is not nudged"

    assert outbox.retry([event_id]) == 1
    assert outbox.retry([event_id]) == 0
    assert handling.handle(event_id) is True
    assert bell.rings == 1
    assert row(event_id).parked_at is None


def test_waiting_for_another_event_is_no_fault_and_ends_parked_after_a_day(bell: Bell) -> None:
    event_id = ring()
    bell.error = handling.NotYet("its order has not arrived")
    for _ in range(2 * handling.MAX_ATTEMPTS):
        assert handle_due(event_id) is False
    assert (row(event_id).attempts, row(event_id).parked_at) == (0, None)
    assert row(event_id).error == "NotYet: its order has not arrived"

    OutboxEvent.objects.update(waiting_since=timezone.now() - timedelta(hours=1))
    handle_due(event_id)
    assert row(event_id).parked_at is None
    assert row(event_id).attempt_at < timezone.now() + timedelta(minutes=2), "it never sleeps for long"

    OutboxEvent.objects.update(waiting_since=timezone.now() - timedelta(hours=25))
    handle_due(event_id)
    assert row(event_id).parked_at is not None


@committed
def test_who_waits_for_an_event_is_woken_when_it_was_handled(bell: Bell) -> None:
    early, other, first = ring(), ring("A-11111111"), ring()
    bell.error = handling.NotYet("its order has not arrived")
    OutboxEvent.objects.filter(pk__in=(early, other)).update(
        waiting_since=timezone.now() - timedelta(minutes=5)
    )
    for event_id in (early, other):
        assert handling.handle(event_id) is False
        assert row(event_id).attempt_at > timezone.now() + timedelta(seconds=50)
    bell.error = None

    assert handling.handle(first) is True

    assert handling.handle(early) is True, "it is due at once"
    assert handling.handle(other) is False, "another order's sleeps on"
    assert bell.rings == 2


@committed
def test_who_is_handled_while_another_finds_it_too_early_wakes_it_soon(bell: Bell) -> None:
    """The other is locked at that moment, so nobody can wake it."""
    early, first = ring(), ring()
    OutboxEvent.objects.filter(pk=early).update(waiting_since=timezone.now() - timedelta(minutes=5))
    bell.error = handling.NotYet("its order has not arrived")
    with Paused(lambda: handling.handle(early), after='INSERT INTO "accounts_user"') as sleeper:
        bell.error = None
        assert handling.handle(first) is True
        bell.error = handling.NotYet("its order has not arrived")
        assert sleeper.go_on() is False
    assert row(early).attempt_at < timezone.now() + timedelta(seconds=5)


@committed
def test_who_was_given_up_behind_a_parked_event_is_woken_with_it(bell: Bell) -> None:
    first, behind, weary = ring(), ring(), timezone.now() - timedelta(days=3)
    OutboxEvent.objects.filter(pk=behind).update(waiting_since=weary)
    bell.error = handling.NotYet("its order has not arrived")
    assert handle_due(behind) is False
    assert row(behind).parked_at is None, "what comes before it is still on the way"
    OutboxEvent.objects.filter(pk=first).update(parked_at=timezone.now())
    assert handle_due(behind) is False
    assert row(behind).parked_at is not None
    bell.error = None
    assert outbox.retry([first]) == 1
    assert handling.handle(first) is True
    assert handling.handle(behind) is True


@committed
def test_a_row_that_somebody_has_locked_holds_nobody_up_for_long_and_costs_no_attempt(bell: Bell) -> None:
    event_id, user = ring(), User.objects.create(username="rang-locked")
    bell.needs = user.pk

    with Paused(lambda: _hold(user.pk), after="FOR UPDATE") as holder:
        assert handling.handle(event_id) is False
        assert (row(event_id).attempts, row(event_id).parked_at) == (0, None)
        assert "LockNotAvailable" in row(event_id).error or "lock timeout" in row(event_id).error
        holder.go_on()
    assert handle_due(event_id) is True


@dataclass(frozen=True, kw_only=True)
class Measured(Event):
    """An event of these tests' own that takes long."""

    kind = "tests.measured"


class Scales:
    """Slow work and what is made of it; ``during`` is what happens meanwhile."""

    def __init__(self) -> None:
        self.during: Callable[[], object] = lambda: None
        self.noted: list[int] = []
        self._measured = count(1)

    def work(self, event: Measured) -> int:
        number = next(self._measured)
        assert not connection.in_atomic_block
        during, self.during = self.during, lambda: None
        during()
        return number

    def apply(self, event: Measured, result: int) -> None:
        self.noted.append(result)


@pytest.fixture
def scales() -> Iterator[Scales]:
    handler = Scales()
    outbox.handles(Measured, work=handler.work)(handler.apply)
    yield handler
    del outbox.handlers[Measured.kind]


def weigh() -> int:
    with transaction.atomic():
        outbox.publish(Measured(number="A-00000000", version=1, at=timezone.now(), actor_kind="system"))
    return OutboxEvent.objects.latest("id").pk


@committed
def test_slow_work_holds_no_lock_and_neither_beat_nor_nudge_disturbs_it(scales: Scales) -> None:
    event_id = weigh()
    OutboxEvent.objects.update(due_at=timezone.now() - timedelta(hours=1))

    def meanwhile() -> None:
        with transaction.atomic():
            assert OutboxEvent.objects.select_for_update(nowait=True).get(pk=event_id)
        assert outbox.renudge() == 0
        assert handling.handle(event_id) is False

    scales.during = meanwhile
    assert handling.handle(event_id) is True
    assert (scales.noted, row(event_id).attempts) == ([1], 1)


@committed
def test_news_of_its_order_takes_no_lease_away_from_who_has_waited_once(scales: Scales, bell: Bell) -> None:
    event_id, news = weigh(), ring()
    OutboxEvent.objects.filter(pk=event_id).update(waiting_since=timezone.now())
    scales.during = lambda: handling.handle(news)
    assert handling.handle(event_id) is True
    assert row(news).handled_at is not None
    assert scales.noted == [1]


@committed
def test_a_lease_that_has_run_out_is_another_workers_and_the_late_result_is_dropped(scales: Scales) -> None:
    event_id = weigh()
    scales.during = lambda: handle_due(event_id)
    assert handling.handle(event_id) is False
    assert scales.noted == [2]
    assert row(event_id).handled_at is not None

    again = weigh()
    scales.during = lambda: make_due() or handling._take_lease(again)
    assert handling.handle(again) is False, "the other is still at it"
    assert scales.noted == [2]
    assert row(again).handled_at is None
    assert handle_due(again) is True


@committed
def test_slow_work_that_fails_late_spoils_nothing(scales: Scales) -> None:
    event_id = weigh()

    def meanwhile() -> None:
        handle_due(event_id)
        raise ZeroDivisionError("no tools")

    scales.during = meanwhile
    assert handling.handle(event_id) is False
    assert scales.noted == [2]
    assert (row(event_id).error, row(event_id).parked_at) == ("", None)


@committed
def test_the_beat_passes_by_what_somebody_has_locked(bell: Bell) -> None:
    locked, free = ring(), ring()
    make_due()

    def hold() -> None:
        with transaction.atomic():
            OutboxEvent.objects.select_for_update().get(pk=locked)
            User.objects.count()

    with Paused(hold, after="FOR UPDATE") as holder:
        assert outbox.renudge() == 1
        assert handling.handle(locked) is False
        assert handling.handle(free) is True
        holder.go_on()
    assert handling.handle(locked) is True


def _hold(user_id: int) -> None:
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user_id)
        User.objects.count()


@committed
def test_a_worker_that_dies_in_a_handler_has_its_attempt_counted(bell: Bell) -> None:
    """As SIGKILL does: no except clause runs, the connection is lost, PostgreSQL rolls back."""
    event_id = ring()
    bell.error = SystemExit("killed")
    for attempt in range(1, handling.MAX_ATTEMPTS + 1):
        before = timezone.now()
        with pytest.raises(SystemExit):
            handle_due(event_id)
        assert (row(event_id).attempts, row(event_id).handled_at, bell.rings) == (attempt, None, 0)
        assert row(event_id).attempt_at > before

    assert handle_due(event_id) is False
    assert row(event_id).parked_at is not None
    assert row(event_id).error == "The worker died at each attempt."


@committed
def test_a_worker_that_loses_its_connection_leaves_the_event_waiting(bell: Bell) -> None:
    event_id = ring()

    with Paused(lambda: handling.handle(event_id), after='INSERT INTO "accounts_user"') as worker:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND state = 'idle in transaction'"
            )
        assert worker.go_on() is False

    assert row(event_id).error.startswith("OperationalError")
    assert (row(event_id).attempts, row(event_id).handled_at, bell.rings) == (1, None, 0)
    assert handle_due(event_id) is True
    assert bell.rings == 1


@committed
def test_an_event_delivered_to_many_workers_at_once_is_handled_once(bell: Bell) -> None:
    event_id = ring()
    results = at_once(*[lambda: handling.handle(event_id)] * 8)
    assert sorted(results) == [False] * 7 + [True]
    assert bell.rings == 1


@committed
def test_an_event_in_another_workers_hands_is_left_alone(bell: Bell) -> None:
    event_id = ring()
    with Paused(lambda: handling.handle(event_id), after='INSERT INTO "accounts_user"') as first:
        assert handling.handle(event_id) is False
        assert row(event_id).attempts == 1, "looking costs no attempt"
        assert first.go_on() is True
    assert handling.handle(event_id) is False
    assert bell.rings == 1


def test_a_payload_of_another_schema_is_parked_not_misread(bell: Bell) -> None:
    event_id = ring()
    OutboxEvent.objects.filter(pk=event_id).update(payload={**row(event_id).payload, "schema": 2})
    for _ in range(handling.MAX_ATTEMPTS):
        assert handle_due(event_id) is False
    assert row(event_id).parked_at is not None
    assert row(event_id).error == "ValueError: tests.rang: can't read payload schema 2, only 1"
    assert bell.rings == 0


def test_an_event_nobody_handles_is_parked_not_lost(db: None) -> None:
    event_id = ring()
    for _ in range(handling.MAX_ATTEMPTS):
        assert handle_due(event_id) is False
    assert row(event_id).error == "LookupError: no handler for tests.rang"
    assert row(event_id).parked_at is not None


def test_a_kind_has_one_handler(bell: Bell) -> None:
    with pytest.raises(ValueError, match="has a handler already"):
        outbox.handles(Rang)(bell)


@pytest.mark.django_db
def test_what_was_handled_long_ago_is_purged_and_nothing_else() -> None:
    now = timezone.now()
    old, gone = now - timedelta(days=29, hours=23), now - timedelta(days=30, hours=1)
    common: dict[str, Any] = {"kind": "tests.rang", "subject": "A-0", "payload": {}, "due_at": gone}
    for name, handled_at, parked_at in [
        ("waiting", None, None),
        ("parked", None, gone),
        ("old", old, None),
        ("gone", gone, None),
    ]:
        OutboxEvent.objects.create(**common, error=name, handled_at=handled_at, parked_at=parked_at)
    assert outbox.purge() == 1
    assert set(OutboxEvent.objects.values_list("error", flat=True)) == {"waiting", "parked", "old"}
