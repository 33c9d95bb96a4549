"""Is every event handled once, whatever fails: its cause, its handler, its worker, its schema?"""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from events import handling, outbox
from events.models import OutboxEvent
from tests.events.bells import Bell, Rang, bell, ring, row, scales
from tests.outbox import handle_due
from tests.threads import Paused, at_once

committed = pytest.mark.django_db(transaction=True)

__all__ = ["bell", "scales"]  # fixtures


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


def test_what_a_later_release_has_added_to_a_payload_is_passed_over(bell: Bell) -> None:
    event_id = ring()
    OutboxEvent.objects.filter(pk=event_id).update(payload={**row(event_id).payload, "mood": "merry"})
    assert handle_due(event_id) is True


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
