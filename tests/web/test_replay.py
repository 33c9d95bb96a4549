"""What is given again, what is not, and what does it cost?"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts.models import ApiToken, User
from accounts.roles import Role
from accounts.services import token_issue, token_revoke
from caching import redis, stats
from caching.redis import relay_connection
from events.vocabulary import Status
from mes import claims
from tests.caching.relays import SteppedRelay
from tests.caching.servers import Valkey, caches_at
from tests.desks import cookie, desk
from tests.factories import OrderFactory, WorkOrderFactory
from tests.round_trips import round_trips
from tests.threads import at_once
from tests.web.wire import Site
from web.replay import Bounded

pytestmark = pytest.mark.django_db(transaction=True)
BOARD, LIVE, DASHBOARD = "/api/v1/mes/orders/", "/admin/board/live/", "/api/v1/mes/dashboard/"


@contextmanager
def costs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """[statements of SQL, round trips to Redis] of this thread, when the block has ended."""
    found: list[int] = []
    with round_trips(monkeypatch) as sent, CaptureQueriesContext(connection) as queries:
        yield found
    found += [len(queries), len(sent)]


@pytest.fixture
def token(olga: User) -> dict[str, str]:
    return {"authorization": f"Token {token_issue(user=olga, name='test')[1]}"}


@pytest.fixture
def alices(alice: User) -> dict[str, str]:
    return {"authorization": f"Token {token_issue(user=alice, name='test')[1]}"}


@pytest.fixture
def session(olga: User) -> dict[str, str]:
    return {"cookie": cookie(desk(olga))}


def test_a_hit_costs_no_statement_and_one_round_trip(
    stepped_relay: SteppedRelay,
    token: dict[str, str],
    alices: dict[str, str],
    session: dict[str, str],
    alice: User,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who asks included: API and admin, whole and unchanged; and a page that has changed meanwhile."""
    WorkOrderFactory.create_batch(3, status=Status.MANUFACTURING_APPROVED)
    order = f"/api/v1/shop/orders/{OrderFactory(client=alice).number}/"
    stepped_relay.settle()
    site = Site()
    for address, who in (
        (BOARD, token),
        (order, alices),
        (LIVE, session),
        (BOARD, session),
        (DASHBOARD, token),
    ):
        for _ in range(3):
            first = site.ask(address, **who)
        known = {"if_none_match": first["ETag"]}
        for headers, status in ((who, "200"), (who | known, "304")):
            with costs(monkeypatch) as cost:
                answer = site.ask(address, **headers)
            assert (answer.status[:3], cost) == (status, [0, 1]), address
    WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)
    stepped_relay.settle()
    with costs(monkeypatch) as cost:
        changed = site.ask(BOARD, **token)
    assert (changed["Cache-Status"], cost) == ("mes-board; hit", [0, 1])


def test_what_all_may_see_is_shared_and_what_is_ones_own_is_not(
    stepped_relay: SteppedRelay, olga: User, otto: User, sam: User
) -> None:
    order = WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)
    WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)
    stepped_relay.settle()
    site = Site()
    pages = {user: {"cookie": cookie(desk(user))} for user in (olga, otto)}
    whole = f"{LIVE}?status=any"
    for headers in pages.values():
        site.ask(whole, **headers)
    assert site.is_replayed(whole, **pages[otto])
    claims.work_order_claim(number=order.number, operator=olga)
    stepped_relay.settle()
    mine, theirs = (site.ask(whole, **pages[user]).body for user in (olga, otto))
    assert mine != theirs
    for _ in range(2):
        assert site.ask(whole, **pages[olga]).body == mine
        assert site.ask(whole, **pages[otto]).body == theirs
    assert site.is_replayed(whole, **pages[olga])
    assert site.is_replayed(whole, **pages[otto])


def test_somebody_who_lost_the_right_is_refused_at_once(
    stepped_relay: SteppedRelay, token: dict[str, str], session: dict[str, str], olga: User
) -> None:
    WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)
    stepped_relay.settle()
    site = Site()
    for headers, address in ((token, BOARD), (session, LIVE)):
        site.ask(address, **headers)
        assert site.is_replayed(address, **headers)
    group = olga.groups.get()
    olga.groups.clear()
    assert site.ask(BOARD, **token).status == "403 Forbidden"
    assert site.ask(LIVE, **session).status == "403 Forbidden"
    olga.groups.add(group)
    site.ask(BOARD, **token)
    assert site.is_replayed(BOARD, **token)
    token_revoke(token=ApiToken.objects.get(user=olga))
    assert site.ask(BOARD, **token).status == "401 Unauthorized"
    User.objects.filter(pk=olga.pk).update(is_active=False)
    stepped_relay.run_pass()
    assert site.ask(LIVE, **session).status == "302 Found"


def test_what_is_out_of_the_ordinary_takes_the_ordinary_path(
    stepped_relay: SteppedRelay, token: dict[str, str], settings: Settings
) -> None:
    WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)
    stepped_relay.settle()
    site = Site()
    site.ask(BOARD, **token)
    assert site.is_replayed(BOARD, **token)
    for headers in ({"host": "elsewhere"}, {"accept": "text/html"}, {"transfer_encoding": "chunked"}):
        assert not site.is_replayed(BOARD, **token, **headers)
    assert not site.is_replayed(BOARD, "POST", **token)
    settings.CACHE_ENABLED = False
    assert site.ask(BOARD, **token)["Cache-Status"] == "mes-board; fwd=bypass; detail=off"
    settings.CACHE_ENABLED = True
    assert site.is_replayed(BOARD, **token)
    relay_connection().flushdb()
    assert site.ask(BOARD, **token)["Cache-Status"] == "mes-board; fwd=bypass; detail=no-fence"


def test_a_server_that_forgot_its_scripts_is_told_them_again(
    stepped_relay: SteppedRelay, token: dict[str, str]
) -> None:
    WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)
    stepped_relay.settle()
    site = Site()
    site.ask(BOARD, **token)
    relay_connection().script_flush()
    assert site.is_replayed(BOARD, **token)


def test_each_is_counted_as_on_the_ordinary_path(
    stepped_relay: SteppedRelay, token: dict[str, str], settings: Settings
) -> None:
    settings.THROTTLE_RATE = 7.0
    WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)
    stepped_relay.settle()
    site = Site()
    before = {cache: _hits(cache) for cache in ("mes.board", "accounts.tokens")}
    asked = [site.ask(BOARD, **token).status[:3] for _ in range(30)]
    assert asked.count("200") in range(14, 20)
    assert asked[-1] == "429"
    assert len(site.replayed) == asked.count("200") - 1
    assert _hits("mes.board") - before["mes.board"] == asked.count("200")
    assert _hits("accounts.tokens") - before["accounts.tokens"] == 30


def _hits(cache: str) -> float:
    return stats.READS.labels(cache, "hit")._value.get()


def test_memory_is_bounded(
    stepped_relay: SteppedRelay, token: dict[str, str], session: dict[str, str]
) -> None:
    WorkOrderFactory.create_batch(3, status=Status.MANUFACTURING_APPROVED)
    stepped_relay.settle()
    site = Site(most_bytes=200_000)
    for number in range(200):
        site.ask(
            f"{BOARD}?limit={number % 99 + 1}&status=SUBMITTED", cookie=f"{session['cookie']}; n={number}"
        )
    for kept in (site.replay._callers, site.replay._answers):
        assert 0 < kept.bytes <= kept.most_bytes
        assert kept.bytes == sum(size for size, _value in kept._values.values())
        assert len(kept) > 5
        assert len(kept) < 100
    none = Site(most_bytes=0)
    none.ask(BOARD, **token)
    assert not none.is_replayed(BOARD, **token)


def test_a_poll_comes_compressed_to_who_can_read_that(
    stepped_relay: SteppedRelay, session: dict[str, str]
) -> None:
    WorkOrderFactory.create_batch(3, status=Status.MANUFACTURING_APPROVED)
    stepped_relay.settle()
    site = Site()
    for _ in range(2):
        plain, short = site.ask(LIVE, **session), site.ask(LIVE, **session, accept_encoding="gzip")
        assert (plain["Content-Encoding"], short["Content-Encoding"]) == ("", "gzip")
        assert plain.body == short.body
        unchanged = site.ask(LIVE, **session, if_none_match=plain["ETag"])
        assert [one["Vary"] for one in (plain, unchanged)] == [short["Vary"]] * 2
        assert "Accept-Encoding" in short["Vary"]
    assert len(site.replayed) == 4


def test_who_brings_a_token_and_a_cookie_is_asked_each_time(
    stepped_relay: SteppedRelay, alices: dict[str, str], otto: User
) -> None:
    """The API goes by the token, the admin by the session: who was asked last is no answer to the other."""
    otto.groups.add(Group.objects.get(name=Role.CLIENT))
    session = {"cookie": cookie(desk(otto))}
    WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)
    order = f"/api/v1/shop/orders/{OrderFactory(client=otto).number}/"
    stepped_relay.settle()
    site = Site()
    for _ in range(2):
        assert site.ask(order, **session).status == "200 OK"
    both = alices | session
    assert site.ask(LIVE, **both).status == "200 OK"
    assert site.ask(order, **both).status == "404 Not Found"
    token_revoke(token=ApiToken.objects.get(user__username="alice"))
    assert site.ask(order, **both).status == "401 Unauthorized"


def test_what_clients_make_long_counts_as_long(
    stepped_relay: SteppedRelay, alices: dict[str, str], alice: User
) -> None:
    order = f"/api/v1/shop/orders/{OrderFactory(client=alice).number}/"
    stepped_relay.settle()
    site = Site(most_bytes=2**20)
    for number in range(100):
        site.ask(f"{order}?n={number}{'y' * 20_000}", **alices)
    assert 0 < len(site.replay._answers) < 2**20 / 20_000


def test_two_threads_that_keep_the_same_count_it_once() -> None:
    kept, before = Bounded[int](8_000), sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        at_once(*[lambda: [kept.put("same", 1, 1000) for _ in range(20_000)]] * 4)
    finally:
        sys.setswitchinterval(before)
    assert (len(kept), kept.bytes) == (1, 1000)


def test_a_process_with_many_open_files_asks_redis_like_any_other(
    stepped_relay: SteppedRelay, token: dict[str, str]
) -> None:
    WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)
    stepped_relay.settle()
    site = Site()
    site.ask(BOARD, **token)
    redis._line.hang_up()
    files = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    try:
        for _ in range(3):
            assert site.is_replayed(BOARD, **token)
    finally:
        for file in files:
            os.close(file)
        redis._line.hang_up()


def test_a_request_waits_for_a_silent_redis_once(stepped_relay: SteppedRelay, token: dict[str, str]) -> None:
    WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)
    with Valkey() as valkey, caches_at(valkey.url):
        stepped_relay.settle()
        site = Site()
        site.ask(BOARD, **token)
        site.ask(BOARD, **token)
        redis.breaker.succeeded()
        with valkey.frozen():
            assert site.ask(BOARD, **token)["Cache-Status"] == "mes-board; fwd=bypass; detail=breaker"
            assert redis.breaker._failures == 1
        redis.breaker.succeeded()
