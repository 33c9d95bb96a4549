"""Does the checker find each kind of fault, and only that? Small logs, honest but for what a test plants."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from events.vocabulary import OrderApproved, Status, WorkOrderChanged
from tests.chaos.checker import Ages, check_hits, proven
from tests.chaos.notes import BYPASS, DROPPED, HIT, PARTIAL, TIMED_OUT, Claim, Fault, Right, Write
from tests.chaos.pages import check_missing
from tests.chaos.small_log import CLIENT, MES, OPERATOR, RIVAL, SHOP, B, Log, honest_log, moment
from tests.chaos.tables import Line, Version

S = Status


@pytest.fixture
def log() -> Log:
    return honest_log()


def test_an_honest_log_passes(log: Log) -> None:
    assert log.broken() == set()


def test_only_what_shows_rows_puts_their_age_to_the_test(log: Log) -> None:
    rows = [len(log.bodies[body].rows) for _, _, body, _, how, _ in log.reads if how == HIT]
    assert 0 in rows
    ages = Ages.of(log.notes(), proven(log.notes(), log.tables.versions))
    assert check_hits(ages, B).tried == sum(map(bool, rows))


def test_a_read_within_b_is_no_violation(log: Log) -> None:
    log.read(17.9, {MES: 3}, who=CLIENT)
    assert log.broken() == set()


def test_a_read_that_overlaps_a_commit_may_show_either(log: Log) -> None:
    log.read(16.005, {MES: 3}, how=BYPASS)
    log.read(16.005, {MES: 4}, how=BYPASS)
    assert log.broken() == set()


def test_what_nobody_acknowledged_is_judged_by_postgresqls_own_moment(log: Log) -> None:
    log.tables.versions.append(Version(SHOP, 6, S.MANUFACTURING_STARTED, 30))
    log.read(33, {SHOP: 5}, who=CLIENT)
    assert log.broken() == {"no hit is older than B (2 s)"}


def test_a_page_may_miss_a_row_that_has_just_come(log: Log) -> None:
    log.page(17.9, "limit=20&status=MANUFACTURING_STARTED", {})
    log.page(16.005, "limit=20&status=MANUFACTURING_STARTED", {}, how=BYPASS)
    assert log.broken() == set()


@pytest.mark.parametrize(("position", "limit", "broken"), [(9, 1, 1), (11, 1, 0), (11, 2, 1)])
def test_a_full_page_is_complete_down_to_its_last_row(
    log: Log, position: int, limit: int, broken: int
) -> None:
    other = Version("M:A-2", 1, S.MANUFACTURING_STARTED, 12, "brass", position)
    log.page(20, f"limit={limit}", {"M:A-2": 1})
    notes = log.notes()
    versions = [*log.tables.versions, other]
    assert check_missing(notes, versions, proven(notes, versions), B).broken == broken


@pytest.mark.parametrize("at", [18.0, 18.01, 18.1, 18.3, 19])
@pytest.mark.parametrize("moves", [[18.0], [18.0, 18.1], [18.0, 18.5]])
@pytest.mark.parametrize("away", [False, True])
def test_an_order_that_moves_up_is_never_between_two_places(
    log: Log, at: float, moves: list[float], away: bool
) -> None:
    """It stood above the page's end before and after; it may be missing only if it was away between."""
    moves = [17.9, *moves] if away else moves
    places = [(S.MANUFACTURING_STARTED, 12.0), *((S.MANUFACTURING_STARTED, moved) for moved in moves)]
    if away:
        places[1] = (S.SHIPPED, moves[0])
    log.reads.clear()
    log.page(at, "limit=20&status=MANUFACTURING_STARTED", {MES: 4})
    notes = log.notes()
    versions = [
        *log.tables.versions,
        *(
            Version("M:A-2", number, status, moved, "brass", 8 + number)
            for number, (status, moved) in enumerate(places, start=1)
        ),
    ]
    assert check_missing(notes, versions, proven(notes, versions), B).broken == (not away)


def test_a_failure_that_a_fault_explains_is_no_violation_nor_is_not_found(log: Log) -> None:
    log.faults += [Fault("web-killed", 20, 22), Fault("postgres-killed", 40, 43)]
    log.faults += [Fault("web-worker-killed", 60, 60.5)]
    log.fail(15.5, TIMED_OUT, seconds=5)
    log.fail(41, "500")
    log.fail(47.9, "OperationalError")
    log.fail(59.9, DROPPED, seconds=0.2)
    log.fail(30, "404")
    assert log.broken() == set()


def row_missing_from_a_cached_page(log: Log) -> None:
    log.page(19, "limit=20&status=MANUFACTURING_STARTED", {})


def row_missing_from_a_page_of_postgresql(log: Log) -> None:
    log.page(16.5, "limit=50", {}, how=BYPASS)


def failed_in_calm(log: Log) -> None:
    log.faults.append(Fault("postgres-killed", 20, 22))
    log.fail(27.1, "500")


def failed_while_a_cache_was_broken(log: Log) -> None:
    log.faults.append(Fault("valkey-frozen", 20, 25))
    log.fail(20.5, TIMED_OUT, seconds=4.9)


def dropped_without_need(log: Log) -> None:
    log.faults.append(Fault("postgres-killed", 20, 22))
    log.fail(21, DROPPED)


def stale_hit(log: Log) -> None:
    log.read(18.5, {MES: 3}, who=CLIENT)


def stale_bypass(log: Log) -> None:
    log.read(16.5, {MES: 3}, how=BYPASS, who=CLIENT)


def stale_page_that_is_partly_cached(log: Log) -> None:
    log.read(16.5, {MES: 3}, how=PARTIAL, who=CLIENT)


def missing_row_shown_as_missing(log: Log) -> None:
    log.read(12.5, {SHOP: 0}, who=CLIENT)


def rolled_back_version(log: Log) -> None:
    log.read(17, {MES: 99}, who=CLIENT)


def seen_before_commit(log: Log) -> None:
    log.tables.versions.append(Version(SHOP, 6, S.MANUFACTURING_STARTED, 30))
    log.read(29, {SHOP: 6}, who=CLIENT)


def wrong_count(log: Log) -> None:
    log.look_at_counts(20, MANUFACTURING_STARTED=2)


def old_count(log: Log) -> None:
    log.look_at_counts(19, MANUFACTURING_STARTED=0)


def double_claim(log: Log) -> None:
    log.tables.versions.append(Version(MES, 5, S.MANUFACTURING_STARTED, 30))
    log.tables.lines.append(
        Line(MES, S.MANUFACTURING_STARTED, S.MANUFACTURING_STARTED, RIVAL, "operator", moment(16), 30)
    )


def told_to_have_what_another_has(log: Log) -> None:
    log.claims.append(Claim("A-1", RIVAL, "200", 16, 16.5))


def waiting_event(log: Log) -> None:
    log.tables.events[1] = replace(log.tables.events[1], handled=False)


def parked_event(log: Log) -> None:
    log.tables.events[1] = replace(log.tables.events[1], parked=True)


def news_lost_on_the_way_to_the_shop(log: Log) -> None:
    log.event(WorkOrderChanged.kind, 17, S.PACKAGING, decided=True)


def news_applied_twice_in_the_shop(log: Log) -> None:
    log.tables.lines.append(replace(log.tables.lines[-1], before=log.tables.lines[-1].after))


def news_lost_on_the_way_to_the_plant(log: Log) -> None:
    log.event(OrderApproved.kind, 14.5)


def event_never_published(log: Log) -> None:
    log.step(MES, 30, S.MANUFACTURING_STARTED, S.MANUFACTURING_COMPLETED, "operator", OPERATOR)
    log.step(SHOP, 30, S.MANUFACTURING_STARTED, S.MANUFACTURING_COMPLETED, "operator", OPERATOR)


def status_without_a_line(log: Log) -> None:
    log.tables.statuses = {SHOP: S.SHIPPED, MES: S.SHIPPED}
    log.tables.versions += [Version(SHOP, 6, S.SHIPPED, 30), Version(MES, 5, S.SHIPPED, 30)]


def order_lost(log: Log) -> None:
    log.told["created"].append("A-2")


def contexts_that_differ(log: Log) -> None:
    log.step(MES, 30, S.MANUFACTURING_STARTED, S.MANUFACTURING_COMPLETED, "operator", OPERATOR)
    log.event(WorkOrderChanged.kind, 30, S.MANUFACTURING_COMPLETED)


def news_applied_twice_in_the_plant(log: Log) -> None:
    [line] = [line for line in log.tables.lines if line.key == MES and line.after == S.MANUFACTURING_APPROVED]
    log.tables.lines.append(replace(line, before=line.after))


def strange_answer(log: Log) -> None:
    log.refusals["look: 404 not_found"] = 1


def taken_back(log: Log) -> None:
    """Seen long before anybody was told: the COMMIT's own moment convicts nobody here."""
    log.read(20.5, {SHOP: 5}, who=CLIENT)
    log.read(23, {SHOP: 4}, who=CLIENT)


def let_in_too_late(log: Log) -> None:
    log.enter(22.5, 200)


def sent_away_for_nothing(log: Log) -> None:
    log.enter(32.5, 401)


def own_write_missed(log: Log) -> None:
    log.writes.append(Write(SHOP, 5, 16.09, 16.11, "http", who=CLIENT))
    log.read(18.5, {SHOP: 4}, who=CLIENT)


HIT_TOO_OLD = "no hit is older than B (2 s)"
ROW_MISSING = "no row is missing from a page"
READ_FAILED = "no read fails without PostgreSQL or the web broken"
PLANTED: dict[Callable[[Log], None], set[str]] = {
    row_missing_from_a_cached_page: {ROW_MISSING},
    row_missing_from_a_page_of_postgresql: {ROW_MISSING},
    failed_in_calm: {READ_FAILED},
    failed_while_a_cache_was_broken: {READ_FAILED},
    dropped_without_need: {READ_FAILED},
    stale_hit: {HIT_TOO_OLD},
    stale_bypass: {"what PostgreSQL answered is not old at all"},
    stale_page_that_is_partly_cached: {"what PostgreSQL answered is not old at all"},
    missing_row_shown_as_missing: {HIT_TOO_OLD},
    rolled_back_version: {"nothing is shown that was not committed"},
    seen_before_commit: {"nothing is shown that was not committed"},
    wrong_count: {"counts are not older than B (2 s)"},
    old_count: {"counts are not older than B (2 s)"},
    double_claim: {"no order is claimed twice"},
    told_to_have_what_another_has: {"who was told to have an order had it"},
    waiting_event: {"every event is handled"},
    parked_event: {"every event is handled"},
    news_lost_on_the_way_to_the_shop: {"each event is applied exactly once"},
    news_applied_twice_in_the_shop: {"each event is applied exactly once"},
    news_applied_twice_in_the_plant: {"each event is applied exactly once"},
    news_lost_on_the_way_to_the_plant: {"each event is applied exactly once"},
    event_never_published: {"each step has its event"},
    status_without_a_line: {"the history explains each status"},
    order_lost: {"every order is accounted for in both contexts"},
    contexts_that_differ: {"every order is accounted for in both contexts"},
    strange_answer: {"nobody gets an answer that should not have been"},
    # Whoever is taken back by more than B, or misses its own write, has been shown too old a hit as well.
    taken_back: {HIT_TOO_OLD, "nobody is taken back more than B (2 s)"},
    let_in_too_late: {"who lost the right is let in no longer than B (2 s)"},
    sent_away_for_nothing: {"who has the right is let in after B (2 s)"},
    own_write_missed: {HIT_TOO_OLD, "own writes are seen within B (2 s)"},
}


def test_a_right_that_nobody_was_told_of_puts_nobody_to_the_test(log: Log) -> None:
    log.rights.append(Right("guest", "role", None, 40, 41))
    log.enter(50, 200)
    log.enter(51, 403)
    assert log.broken() == set()


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found_and_it_alone(log: Log, plant: Callable[[Log], None]) -> None:
    plant(log)
    assert log.broken() == PLANTED[plant]
