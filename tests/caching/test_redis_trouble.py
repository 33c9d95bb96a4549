"""Whatever happens to Redis, does every page and every claim still work, and does trouble end by itself?"""

import os
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from accounts.roles import Role
from caching import redis as caching_redis
from caching import stats
from caching.redis import FAILURES_TO_OPEN, Breaker, CacheUnavailable, breaker, relay_connection
from events.vocabulary import Material, Status
from mes.caches import BOARD
from mes.payload import board_row
from shop.caches import ORDERS
from shop.payload import order_payload
from tests.caching.reads import HIT, read_order
from tests.caching.relays import LONG_FENCE, SteppedRelay, stepped
from tests.caching.servers import Valkey, caches_at
from tests.conftest import As
from tests.factories import OrderFactory, UserFactory, WorkOrderFactory
from tests.threads import at_once


@pytest.fixture(scope="module")
def server() -> Iterator[Valkey]:
    with Valkey() as valkey:
        yield valkey


@pytest.fixture
def valkey(server: Valkey, transactional_db: None, settings: Settings) -> Iterator[Valkey]:
    """A Valkey of this file's own behind the caches, with the time-out that production has."""
    server.start()
    server.client.flushall()
    settings.CACHE_TIMEOUT_MS = 100
    with caches_at(server.url):
        yield server


@pytest.fixture
def warm(valkey: Valkey, settings: Settings) -> Iterator[SteppedRelay]:
    """The fences stand, and stay."""
    settings.CACHE_FENCE_SECONDS = LONG_FENCE
    with stepped() as relay:
        yield relay


@pytest.fixture
def nobody_else_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that flushes counters has nothing to flush: it would call Redis too."""
    monkeypatch.setattr(stats, "count", lambda cache, outcome: None)
    stats.flush()  # nor what other tests have counted


# -- Kinds of trouble -------------------------------------------------------------------------------------


@contextmanager
def stopped(valkey: Valkey) -> Iterator[None]:
    valkey.kill()
    yield
    valkey.start()


@contextmanager
def restarted_empty(valkey: Valkey) -> Iterator[None]:
    valkey.kill()
    valkey.start()
    yield


@contextmanager
def set_to(valkey: Valkey, **options: object) -> Iterator[None]:
    with ExitStack() as stack:
        for name, value in options.items():
            before = valkey.client.config_get(name)[name]
            valkey.client.config_set(name, value)
            stack.callback(valkey.client.config_set, name, before)
        yield


@contextmanager
def locked(valkey: Valkey) -> Iterator[None]:
    """Every connection is thrown out and must now bring a password that nobody knows."""
    valkey.client.acl_setuser(
        "default", enabled=True, nopass=False, passwords=["+secret"], reset_passwords=True
    )
    valkey.client.client_kill_filter(_type="normal", skipme=True)
    yield
    valkey.client.acl_setuser("default", enabled=True, nopass=True)


@contextmanager
def forbidden(valkey: Valkey) -> Iterator[None]:
    """Scripts are answered with an error: no permission."""
    valkey.client.acl_setuser("default", enabled=True, nopass=True, commands=["-eval", "-evalsha"])
    yield
    valkey.client.acl_setuser("default", enabled=True, nopass=True, commands=["+eval", "+evalsha"])


TROUBLES: dict[str, Callable[[Valkey], AbstractContextManager[None]]] = {
    "stopped": stopped,
    "frozen": lambda valkey: valkey.frozen(),
    "restarted empty": restarted_empty,
    "full": lambda valkey: set_to(valkey, maxmemory=1),
    "locked": locked,
    "forbidden": forbidden,
}
every_trouble = pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES.keys())


@every_trouble
def test_every_page_and_every_claim_works_and_hits_return(
    trouble: Callable[[Valkey], AbstractContextManager[None]],
    warm: SteppedRelay,
    valkey: Valkey,
    alice: User,
    olga: User,
    as_user: As,
) -> None:
    order = OrderFactory(client=alice)
    work = WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)
    client, operator = as_user(alice), as_user(olga)
    assert read_order(client, order.number)[1] == HIT

    with trouble(valkey):
        assert read_order(client, order.number)[0] == shown(order, order_payload)
        body = {"title": "Ring", "material": Material.BRASS, "quantity": 1}
        made = client.post("/api/v1/shop/orders/", body, format="json")
        assert made.status_code == 201
        assert read_order(client, made.json()["number"])[0] == made.json()
        assert operator.post(f"/api/v1/mes/orders/{work.number}/claim/").status_code == 200
        board = operator.get("/api/v1/mes/orders/").json()
        assert board["results"] == [shown(work, board_row)]
        assert operator.get("/api/v1/mes/dashboard/").status_code == 200
        assert operator.get("/readyz").status_code == 200

    breaker.succeeded()  # its second is over
    warm.settle()
    ORDERS.read(order.number)
    assert read_order(client, order.number)[1] == HIT
    page = operator.get("/api/v1/mes/orders/")
    assert (page["Cache-Status"], page.json()["results"]) == ("mes-board; hit", board["results"])


def shown(row: Any, payload: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    row.refresh_from_db()
    return payload(row)


@every_trouble
def test_of_many_who_want_one_order_one_gets_it(
    trouble: Callable[[Valkey], AbstractContextManager[None]], valkey: Valkey, as_user: As
) -> None:
    order = WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)
    clients = [as_user(UserFactory(role=Role.OPERATOR)) for _ in range(8)]
    address = f"/api/v1/mes/orders/{order.number}/claim/"
    with trouble(valkey):
        answers = at_once(*(lambda client=client: client.post(address) for client in clients))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 7}


def test_logging_in_and_being_throttled_need_no_redis(
    valkey: Valkey, olga: User, as_user: As, settings: Settings
) -> None:
    settings.THROTTLE_RATE = 100
    olga.set_password("secret")
    olga.is_staff = True
    olga.save()
    with stopped(valkey):
        browser = Client()
        answer = browser.post("/admin/login/", {"username": "olga", "password": "secret"})
        assert answer.status_code == 302
        assert browser.get("/admin/").status_code in (200, 302)
        assert as_user(olga).get("/api/v1/mes/orders/").status_code == 200
        assert cache.get("anything") is None
        assert cache.get_or_set("anything", 7) == 7


def test_a_redis_that_gives_no_reply_in_time_costs_three_time_outs_and_then_nothing(
    transactional_db: None,
    alice: User,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    nobody_else_calls: None,
) -> None:
    settings.CACHE_TIMEOUT_MS = 20
    monkeypatch.setattr(caching_redis, "SECONDS_OPEN", 3600)  # on a slow machine a second is soon over
    order = OrderFactory(client=alice)
    with BlackHole() as hole, caches_at(hole.url):
        for _ in range(10):
            assert ORDERS.read(order.number).status == "shop-order; fwd=bypass; detail=breaker"
        assert hole.knocks == FAILURES_TO_OPEN
        assert BOARD.page({}, 10).status == "mes-board; fwd=bypass; detail=breaker"
        order.save()  # nor does a writer wait
        assert hole.knocks == FAILURES_TO_OPEN

        breaker._open_until = 0  # its second is over: one asks, the others don't wait for what it learns
        statuses = at_once(*[lambda: ORDERS.read(order.number).status] * 10)
        assert set(statuses) == {"shop-order; fwd=bypass; detail=breaker"}
        assert hole.knocks == FAILURES_TO_OPEN + 1


class BlackHole:
    """A server that accepts and never answers."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        self._inside: list[socket.socket] = []

    def __enter__(self) -> "BlackHole":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for end in (self._listener, *self._inside):
            end.close()

    @property
    def knocks(self) -> int:
        """How many connections were made."""
        return len(self._inside)

    def _accept(self) -> None:
        try:
            while True:
                self._inside.append(self._listener.accept()[0])
        except OSError:
            return


def test_the_breaker_closes_when_one_call_has_succeeded(
    warm: SteppedRelay, valkey: Valkey, alice: User, nobody_else_calls: None
) -> None:
    order = OrderFactory(client=alice)
    with stopped(valkey):
        for _ in range(FAILURES_TO_OPEN):
            ORDERS.read(order.number)
        assert breaker.is_open
    assert ORDERS.read(order.number).status == "shop-order; fwd=bypass; detail=breaker"
    breaker._open_until = 0
    assert ORDERS.read(order.number).status == "shop-order; fwd=bypass; detail=no-fence"
    assert not breaker.is_open


def test_of_many_at_once_one_is_the_probe() -> None:
    own = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        own.failed()
    assert all(isinstance(answer, CacheUnavailable) for answer in at_once(*[own.admit] * 20))
    own._open_until = 0
    answers = at_once(*[own.admit] * 20)
    assert answers.count(None) == 1
    own.failed()
    assert isinstance(at_once(own.admit)[0], CacheUnavailable)
    own._open_until = 0
    own.admit()
    own.succeeded()
    assert at_once(*[own.admit] * 20) == [None] * 20


def test_an_error_that_redis_answers_does_not_open_the_breaker(
    warm: SteppedRelay, valkey: Valkey, alice: User
) -> None:
    order = OrderFactory(client=alice)
    with forbidden(valkey):
        for _ in range(2 * FAILURES_TO_OPEN):
            assert ORDERS.read(order.number).status == "shop-order; fwd=bypass; detail=error"
    assert ORDERS.read(order.number).status == HIT


def test_a_reply_that_comes_too_late_is_nobody_elses(
    warm: SteppedRelay, valkey: Valkey, alice: User, nobody_else_calls: None
) -> None:
    """A connection whose reply was not awaited would hand it to whoever asks next."""
    orders = OrderFactory.create_batch(4, client=alice)
    for order in orders:
        assert ORDERS.read(order.number).status == HIT
    with valkey.frozen():
        assert ORDERS.read(orders[0].number).status == "shop-order; fwd=bypass; detail=breaker"
        assert ORDERS.read(orders[1].number).status == "shop-order; fwd=bypass; detail=breaker"
    breaker.succeeded()
    for order in orders[::-1] * 3:
        found = ORDERS.read(order.number)
        assert found.status == HIT
        assert order.number.encode() in (found.payload or b"")
        assert BOARD.page({}, 5).rows == b""


def test_a_forked_child_has_connections_of_its_own(warm: SteppedRelay, valkey: Valkey, alice: User) -> None:
    orders = OrderFactory.create_batch(2, client=alice)

    def reads_right(number: str) -> bool:
        found = [ORDERS.read(number) for _ in range(200)]
        return all(one.status == HIT and number.encode() in (one.payload or b"") for one in found)

    assert all(reads_right(order.number) for order in orders)
    before = connected(valkey)
    if not (child := os.fork()):
        connection.connection = None  # the parent's; it must not be used or closed here
        os._exit(0 if reads_right(orders[0].number) else 1)
    assert reads_right(orders[1].number)
    assert os.waitpid(child, 0)[1] == 0
    assert connected(valkey) > before


def connected(valkey: Valkey) -> int:
    return int(valkey.client.info("stats")["total_connections_received"])


def test_a_full_redis_ends_the_fence_and_room_brings_it_back(
    valkey: Valkey, alice: User, settings: Settings
) -> None:
    """The relay can't write, so it vouches for nothing; when there is room, it goes on where it was."""
    settings.CACHE_FENCE_SECONDS = LONG_FENCE
    with stepped() as relay:
        order = OrderFactory(client=alice, title="old")
        with set_to(valkey, maxmemory=1):
            order.title = "new"
            order.save()
            with pytest.raises(caching_redis.RedisError, match=r"OOM|memory"):
                relay.run_pass()
            relay_connection().unlink(*ORDERS.partition_of(order.number).keys("fence"))  # its time is over
            found = ORDERS.read(order.number)
            assert found.status == "shop-order; fwd=bypass; detail=no-fence"
            assert b'"new"' in (found.payload or b"")
        relay.settle()
        found = ORDERS.read(order.number)
        assert (found.status, b'"new"' in (found.payload or b"")) == (HIT, True)
