"""Is slow work done in turn, so that nobody waits behind somebody else's crowd, or behind long work?"""

import pytest

from events import handling
from events.turns import NeedsLonger
from tests.events.bells import Scales, row, scales, weigh
from tests.outbox import make_due
from tests.threads import Paused, at_once

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


def test_what_needs_longer_waits_for_a_long_turn_and_that_costs_no_attempt(scales: Scales) -> None:
    event_id = weigh(ALICE)

    def too_long() -> None:
        raise NeedsLonger

    scales.during = too_long
    assert handling.take_turn(is_long=False) is False
    assert (row(event_id).is_long, row(event_id).attempts, row(event_id).error) == (True, 0, "")
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


def test_events_of_nobody_in_particular_come_one_after_the_other(scales: Scales) -> None:
    """A release before this one did not say whose they are."""
    for _ in range(3):
        weigh(None)
    assert at_once(*[lambda: handling.take_turn(is_long=False)] * 3) == [True] * 3
    assert scales.worked == [None] * 3
