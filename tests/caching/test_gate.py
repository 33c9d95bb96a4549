"""Does the gate before a claim keep the crowd from PostgreSQL without ever deciding anything?"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from accounts.models import User
from accounts.roles import Role
from caching import gate
from caching.gate import Busy, Closed, Gate
from caching.redis import relay_connection
from events.vocabulary import Status
from mes.claims import GATE, AlreadyClaimed, ClaimInProgress, work_order_claim
from mes.models import WorkOrder
from tests.caching.proxy import Proxy
from tests.caching.reads import statements
from tests.caching.sabotage import needs, scripts
from tests.caching.servers import Valkey, caches_at
from tests.conftest import As
from tests.factories import UserFactory, WorkOrderFactory
from tests.threads import Paused, at_once, in_background, until

committed = pytest.mark.django_db(transaction=True)
APPROVED = Status.MANUFACTURING_APPROVED
ANNA, BORIS = {"id": 1, "name": "Anna"}, {"id": 2, "name": "Boris"}


@pytest.fixture
def door() -> Gate:
    return Gate("test.door")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits before a gate."""
    monkeypatch.setattr(gate, "PATIENCE", 0)


# -- The gate itself --------------------------------------------------------------------------------------


def test_who_comes_after_the_winner_is_told_who_it_was(door: Gate) -> None:
    with door.passing("ring", ANNA):
        pass
    with pytest.raises(Closed) as closed, door.passing("ring", BORIS):
        raise AssertionError("must not pass")
    assert closed.value.winner == ANNA
    with door.passing("another ring", BORIS):
        pass


def test_the_winner_passes_again(door: Gate) -> None:
    for _ in range(3):
        with door.passing("ring", ANNA):
            pass


def test_who_got_no_answer_leaves_the_gate_all_the_same(door: Gate) -> None:
    with Valkey() as valkey, Proxy(valkey.port) as proxy, caches_at(proxy.url):
        with door.passing("another ring", ANNA):
            proxy.lose_reply_to(gate.ENTER.sha)
        with door.passing("ring", ANNA):
            assert proxy.wait_for_lost_reply()
        with pytest.raises(Closed) as closed, door.passing("ring", BORIS):
            raise AssertionError("must not pass")
    assert closed.value.winner == ANNA


def test_while_somebody_passes_nobody_is_told_that_it_is_taken(door: Gate, impatient: None) -> None:
    with door.passing("ring", ANNA):
        for who in (BORIS, ANNA):  # a second click of the same person, too, waits for the first
            with pytest.raises(Busy), door.passing("ring", who):
                raise AssertionError("must not pass")


def test_who_fails_lets_the_next_in(door: Gate) -> None:
    with pytest.raises(LookupError), door.passing("ring", ANNA):
        raise LookupError("rolled back")
    with door.passing("ring", BORIS):
        pass


def test_who_waits_gets_in_as_soon_as_the_other_has_failed(
    door: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "PATIENCE", 20)
    waited: list[str] = []

    def wait_and_pass() -> None:
        waited.append("waiting")
        with door.passing("ring", BORIS):
            waited.append("passed")

    try:
        with door.passing("ring", ANNA):
            boris = in_background(wait_and_pass)
            until(lambda: waited == ["waiting"])
            raise LookupError("rolled back")
    except LookupError:
        boris.result(20)
    assert waited == ["waiting", "passed"]


def test_who_learns_inside_that_another_has_passed_tells_the_crowd(door: Gate) -> None:
    with pytest.raises(Closed), door.passing("ring", BORIS):
        raise Closed(ANNA)
    with pytest.raises(Closed) as closed, door.passing("ring", {"id": 3, "name": "Clara"}):
        raise AssertionError("must not pass")
    assert closed.value.winner == ANNA


def test_what_was_given_back_is_open_at_once(door: Gate) -> None:
    with door.passing("ring", ANNA):
        pass
    door.open("ring")
    with door.passing("ring", BORIS):
        pass


def test_it_remembers_nothing_for_longer_than_b(door: Gate, settings: Settings) -> None:
    settings.CACHE_FENCE_SECONDS = 2
    redis = relay_connection()
    with door.passing("ring", ANNA):
        assert 0 < redis.pttl(door.key("ring")) <= 2000
    assert 0 < redis.pttl(door.key("ring")) <= 2000
    redis.pexpire(door.key("ring"), 1)
    until(lambda: not redis.exists(door.key("ring")))
    with door.passing("ring", BORIS):
        pass


WHOSE = scripts(gate.LEAVE, line="if redis.call('GET', KEYS[1]) ~= ARGV[1] then", instead="if false then")


@needs(whose_it_is=WHOSE)
def test_who_was_too_slow_takes_nothing_from_who_passes_now(door: Gate, impatient: None) -> None:
    """The slow one's time before the gate is over, and somebody else is inside when it leaves."""
    first, second = door.passing("ring", ANNA), door.passing("ring", BORIS)
    first.__enter__()
    relay_connection().unlink(door.key("ring"))  # B is over
    second.__enter__()
    first.__exit__(None, None, None)
    with pytest.raises(AssertionError, match="Busy"):
        _pass(door)
    second.__exit__(None, None, None)
    assert _winner(door) == BORIS


def _pass(door: Gate) -> None:
    try:
        with door.passing("ring", {"id": 3, "name": "Clara"}):
            pass
    except (Busy, Closed) as refusal:
        raise AssertionError(repr(refusal)) from refusal


def _winner(door: Gate) -> Any:
    with pytest.raises(Closed) as closed, door.passing("ring", {"id": 3, "name": "Clara"}):
        pass
    return closed.value.winner


# -- Claims -----------------------------------------------------------------------------------------------


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """Each claim that PostgreSQL is asked to decide, in any thread that connects from now on."""
    with statements('FROM "mes_workorder"', "FOR UPDATE") as seen:
        yield seen


def claim_all(orders: list[WorkOrder], operator: User) -> list[str]:
    """Try them one after the other; what came of each."""

    def claim(order: WorkOrder) -> str:
        try:
            work_order_claim(number=order.number, operator=operator)
        except (AlreadyClaimed, ClaimInProgress) as refusal:
            return refusal.code
        return "won"

    return [claim(order) for order in orders]


def race(operators: list[User], orders: list[WorkOrder]) -> Counter[str]:
    """All operators go through all orders at once; how often what came of a try."""
    outcomes = at_once(*(lambda operator=operator: claim_all(orders, operator) for operator in operators))
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    return Counter(outcome for mine in outcomes for outcome in mine)


@committed
def test_of_the_tries_of_a_crowd_few_reach_postgresql_and_each_order_has_one_winner(
    asked: list[str], settings: Settings
) -> None:
    operators = [UserFactory(role=Role.OPERATOR) for _ in range(32)]
    with_gate = WorkOrderFactory.create_batch(10, status=APPROVED)
    without = WorkOrderFactory.create_batch(10, status=APPROVED)

    assert race(operators, with_gate)["won"] == 10
    through_the_gate = len(asked)
    settings.CACHE_ENABLED = False
    assert race(operators, without)["won"] == 10

    assert len(asked) - through_the_gate == 320
    # One for each order that is taken; the winner's and a few of who came while the gate was just opening.
    assert 10 <= through_the_gate <= 60
    assert not WorkOrder.objects.exclude(status=Status.MANUFACTURING_STARTED).exists()


@committed
def test_the_crowd_before_an_order_that_was_taken_long_ago_asks_once(
    olga: User, otto: User, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate has forgotten; who asks first tells the others."""
    monkeypatch.setattr(gate, "PATIENCE", 20)
    order = WorkOrderFactory(status=APPROVED)
    work_order_claim(number=order.number, operator=olga)
    relay_connection().unlink(GATE.key(order.number))

    codes = at_once(*[lambda: claim_all([order] * 10, otto)] * 4)

    assert {code for mine in codes for code in mine} == {"already_claimed"}
    assert len(asked) == 1


@committed
def test_a_try_that_fails_lets_the_next_operator_in(olga: User, otto: User, as_user: As) -> None:
    order = WorkOrderFactory(status=Status.PRICE_CALCULATED)
    address = f"/api/v1/mes/orders/{order.number}/claim/"
    for operator in (olga, otto):
        answer = as_user(operator).post(address)
        assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")
    WorkOrder.objects.update(status=APPROVED)
    assert as_user(otto).post(address).status_code == 200


@committed
def test_a_claim_that_is_undecided_is_reported_as_such_and_the_release_opens_at_once(
    olga: User, otto: User, as_user: As, impatient: None
) -> None:
    order = WorkOrderFactory(status=APPROVED)
    address = f"/api/v1/mes/orders/{order.number}/"
    with Paused(lambda: as_user(olga).post(f"{address}claim/"), after="UPDATE") as olgas:
        answer = as_user(otto).post(f"{address}claim/")
        assert (answer.status_code, answer.json()["code"]) == (409, "claim_in_progress")
        assert answer["Retry-After"] == "1"
        assert olgas.go_on().status_code == 200

    taken = as_user(otto).post(f"{address}claim/").json()
    assert (taken["code"], taken["operator"]) == ("already_claimed", {"id": olga.pk, "name": "Olga Berg"})
    assert as_user(olga).post(f"{address}claim/").status_code == 200
    as_user(olga).post(f"{address}release/", {"reason": "Broken tool"}, format="json")
    assert as_user(otto).post(f"{address}claim/").status_code == 200


@committed
def test_an_order_that_was_freed_by_hand_can_be_claimed_when_the_gate_has_forgotten(
    olga: User, otto: User
) -> None:
    order = WorkOrderFactory(status=APPROVED)
    work_order_claim(number=order.number, operator=olga)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE mes_workorder SET status = %s, operator_id = NULL, operator_name = ''", [APPROVED]
        )
    assert claim_all([order], otto) == ["already_claimed"]
    assert 0 < relay_connection().pttl(GATE.key(order.number)) <= 2000
    relay_connection().pexpire(GATE.key(order.number), 1)
    until(lambda: claim_all([order], otto) == ["won"])
