"""Does slow work, a lock, or an event that came too early hold up nobody, and cost no attempt?"""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from events import handling, outbox
from events.models import OutboxEvent
from tests.events.bells import Bell, Scales, bell, ring, row, scales, weigh
from tests.outbox import handle_due, make_due
from tests.threads import Paused

committed = pytest.mark.django_db(transaction=True)

__all__ = ["bell", "scales"]  # fixtures


def test_a_nudge_before_the_next_attempt_is_due_costs_none(bell: Bell) -> None:
    """The more of them a broker has kept while there was no worker, the sooner it would have been parked."""
    event_id = ring()
    bell.error = ZeroDivisionError("no tools")
    assert handling.handle(event_id) is False
    OutboxEvent.objects.update(attempt_at=timezone.now() + timedelta(hours=1))
    for _ in range(40):
        assert handling.handle(event_id) is False
    assert (row(event_id).attempts, row(event_id).parked_at) == (1, None)
    bell.error = None
    assert handle_due(event_id) is True


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
