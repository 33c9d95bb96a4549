"""Is slow work done in turn, so that nobody waits behind somebody else's crowd, or behind long work?"""

from collections import Counter
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models.functions import Now

from events import handling, outbox, tasks
from events.models import OutboxEvent
from events.turns import NeedsLonger
from tests.events.bells import Scales, row, scales, weigh
from tests.outbox import make_due
from tests.threads import Paused

pytestmark = pytest.mark.django_db(transaction=True)

__all__ = ["scales"]  # a fixture

ALICE, BORIS, CLARA = 11, 12, 13


def take_all(is_long: bool = False) -> None:
    while handling.take_turn(is_long):
        pass


def test_who_comes_after_a_crowd_waits_for_one_of_it(scales: Scales) -> None:
    for whose in (ALICE, ALICE, ALICE, ALICE, BORIS, CLARA, BORIS):
        weigh(whose)
    take_all()
    assert scales.worked == [ALICE, BORIS, CLARA, ALICE, BORIS, ALICE, ALICE]


def test_who_was_served_least_recently_is_next_even_when_others_asked_before(scales: Scales) -> None:
    weigh(ALICE)
    take_all()
    weigh(ALICE)
    weigh(BORIS)
    take_all()
    assert scales.worked == [ALICE, BORIS, ALICE]


def test_of_one_owner_one_is_in_work_while_another_owner_waits(scales: Scales) -> None:
    first, second, other = weigh(ALICE), weigh(ALICE), weigh(BORIS)
    scales.during = lambda: handling.take_turn(is_long=False)

    assert handling.take_turn(is_long=False) is True

    assert [event_id for event_id in (first, second, other) if row(event_id).handled_at] == [first, other]
    assert scales.worked == [ALICE, BORIS]


def test_nobody_else_waits_so_one_owner_has_every_worker(scales: Scales) -> None:
    first, second = weigh(ALICE), weigh(ALICE)
    scales.during = lambda: handling.take_turn(is_long=False)

    assert handling.take_turn(is_long=False) is True

    assert row(first).handled_at
    assert row(second).handled_at


def test_two_workers_that_choose_at_once_choose_two_owners(scales: Scales) -> None:
    """Each alone would find that nobody is served."""
    for whose in (ALICE, ALICE, BORIS):
        weigh(whose)
    with Paused(lambda: handling.take_turn(is_long=False), after="pg_advisory_xact_lock") as first:
        second = Paused(lambda: handling.take_turn(is_long=False), after="UPDATE")
        assert first.go_on() is True
        with second:
            assert second.go_on() is True
    assert sorted(scales.worked) == [ALICE, BORIS]


def test_what_needs_longer_waits_for_a_long_turn_and_that_costs_no_attempt(
    scales: Scales, monkeypatch: pytest.MonkeyPatch
) -> None:
    event_id = weigh(ALICE)
    sent = []
    monkeypatch.setitem(outbox._broker, "paused_until", 0)
    monkeypatch.setattr(
        tasks.take_turn, "apply_async", lambda args, **options: sent.append((args, options["queue"]))
    )

    def too_long() -> None:
        raise NeedsLonger

    scales.during = too_long
    assert handling.take_turn(is_long=False) is False
    assert (row(event_id).is_long, row(event_id).attempts, row(event_id).error) == (True, 0, "")
    assert sent == [((True,), "long")]
    assert handling.take_turn(is_long=False) is False, "short turns are for others"
    weigh(ALICE)
    assert handling.take_turn(is_long=False) is True

    assert handling.take_turn(is_long=True) is True
    assert scales.turn
    assert scales.turn.is_long
    assert row(event_id).handled_at


def test_a_lease_that_is_renewed_is_nobody_elses(scales: Scales) -> None:
    event_id = weigh(ALICE)
    seen = []

    def renew() -> None:
        assert scales.turn
        before = row(event_id).attempt_at
        scales.turn.renew()
        seen.append(row(event_id).attempt_at > before)
        seen.append(handling.take_turn(is_long=False))

    scales.during = renew
    assert handling.take_turn(is_long=False) is True
    assert seen == [True, False]


def test_who_lost_the_lease_is_told_when_it_renews_it(scales: Scales) -> None:
    event_id = weigh(ALICE)

    def lose() -> None:
        turn = scales.turn
        make_due()
        assert handling.take_turn(is_long=False) is True
        assert turn
        turn.renew()

    scales.during = lose
    assert handling.take_turn(is_long=False) is False
    assert row(event_id).attempts == 2
    assert scales.noted == [2]


def test_events_of_nobody_in_particular_take_turns_like_one_more_owner(scales: Scales) -> None:
    """A release before this one did not say whose they are."""
    for whose in (0, 0, 0, ALICE, BORIS):
        weigh(whose)
    take_all()
    assert scales.worked == [0, ALICE, BORIS, 0, 0]


def test_who_waits_for_the_end_of_a_pause_is_not_in_work(scales: Scales) -> None:
    failed = weigh(ALICE)

    def fail() -> None:
        raise ZeroDivisionError

    scales.during = fail
    assert handling.take_turn(is_long=False) is False
    OutboxEvent.objects.filter(pk=failed).update(
        attempt_at=Now() + timedelta(hours=1), due_at=Now() + timedelta(hours=2)
    )
    scales.worked.clear()
    weigh(BORIS)
    take_all()
    for whose in (ALICE, BORIS):
        weigh(whose)
    take_all()
    assert scales.worked == [BORIS, ALICE, BORIS]


def test_where_the_next_ones_event_is_locked_another_owner_comes(scales: Scales) -> None:
    first, second = weigh(ALICE), weigh(BORIS)
    with Paused(lambda: _lock_one(first), after="FOR UPDATE"):
        assert handling.take_turn(is_long=False) is True
    assert (row(first).handled_at is None, row(second).handled_at is None) == (True, False)


def test_one_that_is_parked_costs_nobody_a_turn(scales: Scales) -> None:
    dead, alive = weigh(ALICE), weigh(BORIS)
    OutboxEvent.objects.filter(pk=dead).update(attempts=handling.MAX_ATTEMPTS)
    assert handling.take_turn(is_long=False) is True
    assert row(dead).parked_at
    assert row(alive).handled_at


def test_a_crowd_that_waits_is_sent_a_few_nudges(scales: Scales, monkeypatch: pytest.MonkeyPatch) -> None:
    sent, news = [], []
    monkeypatch.setitem(outbox._broker, "paused_until", 0)
    monkeypatch.setattr(tasks.take_turn, "apply_async", lambda args, **options: sent.append((args, options)))
    for number in range(3 * outbox.MOST_TURNS):
        event_id = weigh(number)
        OutboxEvent.objects.filter(pk=event_id).update(is_long=number % 3 == 0)
    short = OutboxEvent.objects.create(kind="tests.none", subject="A-00000000", payload={}, due_at=Now())
    monkeypatch.setattr(tasks.handle, "apply_async", lambda args, **_options: news.append(args))
    sent.clear()
    make_due()
    outbox.renudge()
    assert Counter((args[0], options["queue"]) for args, options in sent) == {
        (False, "slow"): outbox.MOST_TURNS,
        (True, "long"): outbox.MOST_TURNS,
    }
    assert news == [(short.pk,)], "other events are not held up by the crowd"
    assert outbox.renudge() == 0, "the others wait for the next round too"


def _lock_one(event_id: int) -> None:
    with transaction.atomic():
        OutboxEvent.objects.select_for_update().get(pk=event_id)
