"""When many read the same at once, how often is PostgreSQL asked, and is anybody served the past?"""

import threading
from collections.abc import Hashable, Iterator
from concurrent.futures import Future

import pytest
from django.db import transaction
from pytest_django import Settings

from accounts.models import User
from caching import entity, load
from caching.redis import relay_connection
from caching.singleflight import SingleFlight
from mes.caches import BOARD
from shop.caches import ORDERS
from shop.models import Order
from tests.caching.reads import STORED, statements
from tests.caching.relays import SteppedRelay
from tests.conftest import As
from tests.factories import OrderFactory, WorkOrderFactory
from tests.threads import PATIENCE, Paused, at_once, in_background, until


class Work:
    """Something that takes until it is told to end; counts how often it runs, and how many at a time."""

    def __init__(self) -> None:
        self.begun, self.running, self.most = 0, 0, 0
        self.may_end = threading.Semaphore(0)
        self._lock = threading.Lock()

    def __call__(self) -> int:
        with self._lock:
            self.begun += 1
            mine = self.begun
            self.running += 1
            self.most = max(self.most, self.running)
        assert self.may_end.acquire(timeout=PATIENCE)
        with self._lock:
            self.running -= 1
        return mine


@pytest.fixture
def flights() -> SingleFlight:
    return SingleFlight()


def waiting(flights: SingleFlight, key: Hashable = "key") -> int:
    """How many callers wait for a flight that has not begun, its leader included."""
    flight = flights._waiting.get(key)
    return 0 if flight is None else 1 + len(flight.result._condition._waiters)


def results(futures: "list[Future[int]]") -> list[int]:
    return [future.result(PATIENCE) for future in futures]


def test_who_comes_while_it_runs_shares_the_next_flight_and_not_this_one(flights: SingleFlight) -> None:
    work = Work()
    first = in_background(lambda: flights.do("key", work))
    until(lambda: work.begun == 1)
    late = [in_background(lambda: flights.do("key", work)) for _ in range(5)]
    until(lambda: waiting(flights) == 5)
    assert work.begun == 1

    work.may_end.release()
    assert first.result(PATIENCE) == 1
    until(lambda: work.begun == 2)
    work.may_end.release()

    assert results(late) == [2] * 5
    assert (work.begun, work.most) == (2, 1)
    assert flights._running == flights._waiting == {}


def test_different_questions_are_asked_at_once(flights: SingleFlight) -> None:
    work = Work()
    both = [in_background(lambda key=key: flights.do(key, work)) for key in ("one", "other")]
    until(lambda: work.running == 2)
    work.may_end.release(2)
    assert sorted(results(both)) == [1, 2]


def test_an_error_is_everybodys_who_shared_the_flight_and_nobody_elses(flights: SingleFlight) -> None:
    work = Work()
    first = in_background(lambda: flights.do("key", work))
    until(lambda: work.begun == 1)

    def fail() -> int:
        work()
        raise LookupError("no such row")

    failing = [in_background(lambda: flights.do("key", fail)) for _ in range(3)]
    until(lambda: waiting(flights) == 3)
    work.may_end.release()
    assert first.result(PATIENCE) == 1
    until(lambda: work.begun == 2)
    after = in_background(lambda: flights.do("key", work))
    until(lambda: waiting(flights) == 1)
    work.may_end.release(2)

    for future in failing:
        assert isinstance(future.exception(PATIENCE), LookupError)
    assert after.result(PATIENCE) == 3


@pytest.fixture
def selects() -> Iterator[list[str]]:
    """Each SELECT of an order in any thread that connects from now on, as it begins."""
    with statements('FROM "shop_order"') as seen:
        yield seen


def test_a_thousand_readers_of_one_cold_order_ask_postgresql_once(
    stepped_relay: SteppedRelay, alice: User, selects: list[str]
) -> None:
    order = OrderFactory(client=alice)
    assert relay_connection().unlink(ORDERS.partition_of(order.number).key(f"row:{order.number}"))

    found = at_once(*[lambda: ORDERS.read(order.number)] * 1000)

    assert {(read.payload, read.version) for read in found} == {
        (ORDERS.read(order.number).payload, ORDERS.read(order.number).version)
    }
    # One fills. Who has waited half a second for that asks too, all of them together: on a busy machine
    # there may be another flight of those, and one of who came while it was under way.
    assert 1 <= len(selects) <= 3


def test_readers_whose_filler_is_slow_ask_together(
    stepped_relay: SteppedRelay, alice: User, selects: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock in Redis is held by a process that is stuck; here there are ten readers and one SELECT."""
    order = OrderFactory(client=alice)
    partition = ORDERS.partition_of(order.number)
    assert relay_connection().unlink(partition.key(f"row:{order.number}"))
    relay_connection().set(partition.key(f"lock:{order.number}"), "of somebody else", px=60_000)
    monkeypatch.setattr(entity, "PATIENCE", 0.05)

    with Paused(lambda: ORDERS.read(order.number), after='FROM "shop_order"') as first:
        rest = [in_background(lambda: ORDERS.read(order.number)) for _ in range(10)]
        until(lambda: waiting(load._flights, (ORDERS.name, "fill", order.number)) == 10)
        first.go_on()
        found = [future.result(PATIENCE) for future in rest]

    assert {read.status for read in found} <= {STORED, "shop-order; hit"}
    assert len(selects) == 2  # the one that was under way, and one for the ten who came after it had begun


def test_a_miss_and_a_bypass_of_one_order_at_once_are_both_answered(
    stepped_relay: SteppedRelay, alice: User
) -> None:
    """The fence runs out while somebody fills the order."""
    order = OrderFactory(client=alice)
    partition = ORDERS.partition_of(order.number)
    relay_connection().unlink(partition.key(f"row:{order.number}"))
    with Paused(lambda: ORDERS.read(order.number), after='FROM "shop_order"') as filling:
        relay_connection().unlink(partition.key("fence"))
        bypass = ORDERS.read(order.number)
        assert bypass.status == "shop-order; fwd=bypass; detail=no-fence"
        assert filling.go_on().status == STORED


# -- A little, then an honest refusal ---------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_too_many_reads_that_bypass_the_cache_are_refused_and_the_others_are_answered(
    alice: User, olga: User, as_user: As, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CACHE_FALLBACK_LIMIT = 1
    monkeypatch.setattr(load, "PATIENCE", 0.05)
    first, second = OrderFactory.create_batch(2, client=alice)
    WorkOrderFactory()
    addresses = [
        (as_user(alice), f"/api/v1/shop/orders/{second.number}/"),
        (as_user(olga), "/api/v1/mes/orders/"),
        (as_user(olga), "/api/v1/mes/dashboard/"),
    ]
    with Paused(lambda: ORDERS.read(first.number), after='FROM "shop_order"') as reader:
        for api, address in addresses:
            answer = api.get(address)
            assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
            assert answer["Retry-After"] == "1"
        assert reader.go_on().version == first.version
    for api, address in addresses:
        answer = api.get(address)
        assert answer.status_code == 200
        assert "fwd=bypass; detail=no-fence" in answer["Cache-Status"]


@pytest.mark.django_db(transaction=True)
def test_equal_reads_that_bypass_the_cache_take_one_turn(
    alice: User, settings: Settings, selects: list[str]
) -> None:
    settings.CACHE_FALLBACK_LIMIT = 1
    order = OrderFactory(client=alice)
    found = at_once(*[lambda: ORDERS.read(order.number)] * 100)
    assert {read.version for read in found} == {order.version}
    assert len(selects) < 20


def test_reads_in_a_transaction_share_nothing_and_wait_for_nobody(
    stepped_relay: SteppedRelay, alice: User, settings: Settings
) -> None:
    settings.CACHE_FALLBACK_LIMIT = 1
    order = OrderFactory(client=alice, title="committed")

    def uncommitted() -> str:
        with transaction.atomic():
            Order.objects.update(title="uncommitted")
            return str(ORDERS.read(order.number).payload)

    with Paused(uncommitted, after='FROM "shop_order"') as writer:
        with transaction.atomic():
            assert b'"committed"' in (ORDERS.read(order.number).payload or b"")
            assert BOARD.page({}, 10).status == "mes-board; fwd=bypass; detail=transaction"
        assert '"uncommitted"' in writer.go_on()
