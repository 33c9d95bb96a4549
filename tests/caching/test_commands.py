"""What do an engineer's commands do to the caches, and what do they say?"""

import json
import re
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from accounts.models import User
from caching import stats
from caching.declared import Declared
from caching.redis import relay_connection
from caching.relay import Relay
from caching.tasks import audit_sample
from events.vocabulary import Status
from mes.caches import BOARD
from mes.models import WorkOrder
from shop.caches import ORDERS
from shop.models import Order
from tests.caching.agreement import assert_board_agrees, assert_order_agrees
from tests.caching.boards import cached, fill
from tests.caching.kinds import rebuild
from tests.caching.reads import HIT, STORED
from tests.caching.relays import SteppedRelay
from tests.caching.servers import caches_at, free_port
from tests.factories import OrderFactory, WorkOrderFactory
from tests.threads import in_background

committed = pytest.mark.django_db(transaction=True)
NOBODY_LISTENS = "redis://127.0.0.1:{}/0"


def run(*command: str) -> str:
    """What the command prints."""
    out = StringIO()
    call_command(*command, stdout=out, stderr=out)
    return out.getvalue()


# -- warm_cache -------------------------------------------------------------------------------------------


@pytest.fixture
def cold(stepped_relay: SteppedRelay, alice: User) -> list[Order]:
    """Orders of both contexts, none of the Shop's in the cache."""
    orders = OrderFactory.create_batch(3, client=alice)
    fill([Status.SUBMITTED, Status.SHIPPED])
    stepped_relay.settle()
    rebuild(stepped_relay)
    return orders


def test_warming_fills_what_nobody_has_asked_for_yet(cold: list[Order]) -> None:
    said = run("warm_cache")
    assert "shop.orders: 3 rows in 0." in said
    assert "mes.board: 2 rows in 0." in said
    assert [ORDERS.read(order.number).status for order in cold] == [HIT] * 3
    assert_board_agrees()


def test_warming_one_cache_leaves_the_others(cold: list[Order]) -> None:
    assert "shop.orders" not in run("warm_cache", "--only", "mes.board")
    assert ORDERS.read(cold[0].number).status == STORED
    assert "shop.orders: 2 rows" in run("warm_cache", "--only", "shop.orders", "--most", "2")
    assert [ORDERS.read(order.number).status for order in cold[1:]] == [HIT] * 2
    with pytest.raises(CommandError, match="invalid choice: 'shop'"):
        run("warm_cache", "--only", "shop")


def test_warming_a_terminal_shows_how_far_it_is(cold: list[Order], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert f"\rshop.orders [{'#' * 40}] 3 of 3" in run("warm_cache")


def test_warming_a_board_brings_back_what_it_must_hold_and_no_more(
    stepped_relay: SteppedRelay, settings: Settings
) -> None:
    settings.CACHE_BOARD_LATEST = 5
    numbers = fill([Status.SUBMITTED, *[Status.SHIPPED] * 20])
    rebuild(stepped_relay)
    assert "mes.board: 6 rows" in run("warm_cache", "--only", "mes.board")
    assert cached() == {numbers[0], *numbers[-5:]}


@committed
def test_warming_without_a_relay_says_what_to_start() -> None:
    WorkOrderFactory()
    with pytest.raises(CommandError) as refusal:
        run("warm_cache")
    assert str(refusal.value) == ("mes.board: no relay has begun this cache. Start one: manage.py relay")


@committed
def test_warming_a_redis_that_is_away_is_an_error_and_no_success(stepped_relay: SteppedRelay) -> None:
    """It had known the partitions before Redis went."""
    WorkOrderFactory()
    assert BOARD.page({}, 1).count == 1
    with caches_at(NOBODY_LISTENS.format(free_port())), pytest.raises(CommandError) as refusal:
        run("warm_cache", "--only", "mes.board")
    assert str(refusal.value).startswith("Redis can't be asked: breaker: ")


def test_warming_beside_readers_and_writers_takes_nothing_from_them(relay: Relay, alice: User) -> None:
    orders = OrderFactory.create_batch(150, client=alice)
    fill([Status.MANUFACTURING_APPROVED, Status.SHIPPED] * 100)

    def write() -> None:
        for order in orders[:40]:
            order.title = "Bracelet"
            order.save()
            Order.objects.filter(pk=orders[-1].pk).update(title=order.number)
            WorkOrder.objects.filter(status=Status.SHIPPED).order_by("?").first().save()  # type: ignore[union-attr]

    partitions = [*ORDERS.partitions, *BOARD.partitions]
    fences = [partition.key("fence") for partition in partitions]
    writer = in_background(write)
    rounds = 0
    while not writer.done() or not rounds:
        run("warm_cache")
        rounds += 1
        assert relay_connection().exists(*fences) == len(fences)
    writer.result()

    for order in orders[:40]:
        assert_order_agrees(order.number)
    run("audit_cache", "--all")


# -- cache_status -----------------------------------------------------------------------------------------


def test_the_status_shows_each_partition_and_the_backlog(cold: list[Order]) -> None:
    stats.flush()
    relay_connection().unlink(stats.key("shop.orders"), stats.key("mes.board"))
    for _ in range(4):
        ORDERS.read(cold[0].number)
    stats.flush()
    Order.objects.filter(pk=cold[1].pk).update(title="Bracelet")

    header, shop, board, _, backlog = lines(run("cache_status"))

    assert header.split("  ")[0] == "partition"
    assert shop[0] == ORDERS.partitions[0].tag
    assert board[0] == BOARD.partition.tag
    assert shop[3:5] == ["-", "75.0%"]
    assert board[3:5] == ["2", "-"]
    assert shop[-1] == board[-1] == "test"
    assert backlog == "backlog: 1 changes"


def lines(said: str) -> list[Any]:
    """Header, the Shop's cells, the board's cells, an empty line, the backlog."""
    header, _tokens, _sessions, shop, board, empty, backlog = said.splitlines()
    return [header, *(re.split("  +", line) for line in (shop, board)), empty, backlog]


def test_the_status_is_there_for_machines_too(cold: list[Order]) -> None:
    now = json.loads(run("cache_status", "--json"))
    assert now["backlog"] == 0
    _tokens, _sessions, shop, board = now["partitions"]
    assert (shop["cache"], shop["rows"]) == ("shop.orders", None)
    assert (board["cache"], board["rows"]) == ("mes.board", 2)
    for partition in (shop, board):
        assert partition["fence_age"] >= 0
        assert partition["epoch"]
        assert partition["rebuilt_why"] == "test"


@committed
def test_the_status_before_any_relay_has_begun() -> None:
    _header, shop, board, _, _backlog = lines(run("cache_status"))
    assert shop[1:] == ["no fence", "-", "-", "-", "never", "-"]
    assert board[1:] == ["no fence", "-", "0", "-", "never", "-"]
    assert json.loads(run("cache_status", "--json"))["partitions"][0]["fence_age"] is None


@committed
@pytest.mark.parametrize("command", ["cache_status", "audit_cache"])
def test_a_redis_that_is_away_is_told_in_a_sentence(command: str) -> None:
    with caches_at(NOBODY_LISTENS.format(free_port())), pytest.raises(CommandError) as refusal:
        run(command)
    assert str(refusal.value).startswith("Redis does not answer: ")


# -- audit_cache ------------------------------------------------------------------------------------------

Plant = Callable[[Order], None]


def an_older_version_of_an_order(order: Order) -> None:
    key = ORDERS.partition_of(order.number).key(f"row:{order.number}")
    relay_connection().hset(key, "v", order.version - 1)


def that_there_is_no_such_order(order: Order) -> None:
    key = ORDERS.partition_of(order.number).key(f"row:{order.number}")
    assert relay_connection().hdel(key, "p")


def an_order_that_is_gone(order: Order) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM shop_orderstatuschange; DELETE FROM shop_order")
        cursor.execute("DELETE FROM caching_change")


def an_old_version_on_the_board(order: Order) -> None:
    meta, number = BOARD.partition.key("meta"), WorkOrder.objects.earliest("pk").number
    version, rest = relay_connection().hget(meta, number).split(b":", 1)
    relay_connection().hset(meta, number, b"%d:%b" % (int(version) - 1, rest))


def a_board_without_an_unclaimed_order(order: Order) -> None:
    number = WorkOrder.objects.get(status=Status.SUBMITTED).number
    assert relay_connection().hdel(BOARD.partition.key("meta"), number)


LIES = [
    an_older_version_of_an_order,
    that_there_is_no_such_order,
    an_order_that_is_gone,
    an_old_version_on_the_board,
    a_board_without_an_unclaimed_order,
]


@pytest.fixture
def filled(cold: list[Order], settings: Settings) -> Order:
    """An order in the cache, beside two of the last epoch; the audit looks again at once."""
    settings.CACHE_FENCE_SECONDS = 0.01
    assert ORDERS.read(cold[0].number).payload
    return cold[0]


def test_caches_that_agree_pass_the_audit(filled: Order) -> None:
    for command in (["audit_cache"], ["audit_cache", "--all"]):
        said = run(*command)
        assert "shop.orders: 3 rows looked at, 0 mismatches" in said
        assert "mes.board: 2 rows looked at, 0 mismatches" in said
    sampled = audit_sample()
    assert set(sampled) == {cache.name for cache in Declared.registry}
    assert not any(sampled.values())


@pytest.mark.parametrize("plant", LIES, ids=lambda plant: plant.__name__.replace("_", " "))
def test_the_audit_finds_a_lie(plant: Plant, filled: Order) -> None:
    plant(filled)
    with pytest.raises(CommandError, match="1 rows disagree with PostgreSQL"):
        run("audit_cache", "--all")
    assert sum(audit_sample().values()) == 1


def test_without_a_fence_nothing_is_a_lie(filled: Order) -> None:
    """The board is being loaded, or nobody leads: no read could hit what is wrong."""
    an_older_version_of_an_order(filled)
    relay_connection().unlink(ORDERS.partition_of(filled.number).key("fence"))
    run("audit_cache", "--all")


def test_what_is_mended_within_b_is_no_lie(filled: Order) -> None:
    """The audit came between a commit and the relay's pass."""
    an_older_version_of_an_order(filled)
    looks: list[str] = []

    def mend(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if 'FROM "shop_order"' in sql:
            looks.append(sql)
            key = ORDERS.partition_of(filled.number).key(f"row:{filled.number}")
            relay_connection().hset(key, "v", filled.version)
        return execute(sql, *rest)

    with connection.execute_wrapper(mend):
        run("audit_cache", "--all")
    assert len(looks) == 2
