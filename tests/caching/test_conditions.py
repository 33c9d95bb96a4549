"""Does the relay notice what would make its fence lie, and does one cache's trouble stay its own?"""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction

from accounts.models import User
from caching.declared import OddRow
from caching.redis import relay_connection
from caching.relay import Pooled
from caching.status import status
from events.vocabulary import Status
from mes.caches import BOARD
from mes.models import WorkOrder
from shop.caches import ORDERS
from tests.caching.agreement import assert_board_agrees, assert_order_agrees
from tests.caching.relays import SteppedRelay, epochs
from tests.caching.servers import Valkey, caches_at
from tests.factories import OrderFactory, WorkOrderFactory
from tests.unconstrained import unconstrained

pytestmark = pytest.mark.django_db(transaction=True)


def sql(text: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchall() if cursor.description else None


@contextmanager
def altered(there: str, back: str) -> Iterator[None]:
    sql(there)
    try:
        yield
    finally:
        sql(back)


def fenced() -> set[str]:
    """The caches that have their fence and may be hit."""
    return {one.cache for one in status().partitions if one.fence_age is not None}


def trouble_of(cache: str) -> str:
    return next(one.trouble for one in status().partitions if one.cache == cache)


def lower(stepped_relay: SteppedRelay) -> None:
    """Take all fences away, so that only what is renewed stands."""
    relay_connection().unlink(
        *(partition.key("fence") for cache in (BOARD, ORDERS) for partition in cache.partitions)
    )
    stepped_relay.settle()


def try_again(stepped_relay: SteppedRelay) -> None:
    """As a second after trouble."""
    for one in stepped_relay.relay._kept:
        one._retry_at = -math.inf
    stepped_relay.settle()


def log_trigger() -> str:
    """The name of the one that logs the board's updates."""
    [(name,)] = sql(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = 'mes_workorder'::regclass"
        " AND strpos(tgname, 'log_update') > 0"
    )
    return str(name)


def test_a_disabled_trigger_withholds_its_own_fence_until_it_is_enabled(stepped_relay: SteppedRelay) -> None:
    WorkOrderFactory.create_batch(3)
    stepped_relay.settle()
    alter = f"ALTER TABLE mes_workorder {{}} TRIGGER {log_trigger()}"
    with altered(alter.format("DISABLE"), alter.format("ENABLE")):
        WorkOrder.objects.update(title="Unlogged")
        lower(stepped_relay)
        assert "mes.board" not in fenced()
        assert "shop.orders" in fenced()
        assert "is DISABLED" in trouble_of("mes.board")
        assert trouble_of("shop.orders") == ""
    try_again(stepped_relay)
    assert "mes.board" in fenced()
    assert trouble_of("mes.board") == ""
    assert_board_agrees()


def test_a_trigger_that_was_off_for_one_transaction_is_noticed(stepped_relay: SteppedRelay) -> None:
    WorkOrderFactory.create_batch(3)
    stepped_relay.settle()
    name = log_trigger()
    with transaction.atomic():
        sql(f"ALTER TABLE mes_workorder DISABLE TRIGGER {name}")
        WorkOrder.objects.update(title="Unlogged")
        sql("SET CONSTRAINTS ALL IMMEDIATE")
        sql(f"ALTER TABLE mes_workorder ENABLE TRIGGER {name}")
    stepped_relay.settle()
    assert_board_agrees()


@pytest.mark.parametrize("statement", [
    "ALTER TABLE mes_workorder ALTER COLUMN quantity TYPE integer USING quantity + 1",
    "ALTER TABLE mes_workorder ALTER COLUMN title TYPE varchar(200) USING upper(title)",
])  # fmt: skip
def test_a_table_that_is_rewritten_is_loaded_anew(statement: str, stepped_relay: SteppedRelay) -> None:
    WorkOrderFactory.create_batch(3)
    stepped_relay.settle()
    [(kind,)] = sql(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
        f" WHERE attrelid = 'mes_workorder'::regclass AND attname = '{statement.split()[5]}'"
    )
    with altered(statement, f"ALTER TABLE mes_workorder ALTER COLUMN {statement.split()[5]} TYPE {kind}"):
        stepped_relay.settle()
        assert_board_agrees()


@pytest.mark.parametrize("table", ["mes_workorder", "shop_order"])
def test_columns_that_change_places_are_noticed(table: str, stepped_relay: SteppedRelay) -> None:
    """No row is rewritten, and yet each shows something else."""
    WorkOrderFactory(title="Title", engraving="Engraving")
    number = OrderFactory(title="Title", engraving="Engraving").number
    stepped_relay.settle()
    assert ORDERS.read(number).payload
    swap = f"""
        ALTER TABLE {table} ALTER title TYPE varchar(120), ALTER engraving TYPE varchar(120);
        ALTER TABLE {table} RENAME title TO other;
        ALTER TABLE {table} RENAME engraving TO title;
        ALTER TABLE {table} RENAME other TO engraving
    """
    with altered(swap, f"{swap}; ALTER TABLE {table} ALTER engraving TYPE varchar(60)"):
        stepped_relay.settle()
        assert_board_agrees()
        assert_order_agrees(number)
    stepped_relay.settle()


def test_another_function_behind_a_trigger_is_noticed(stepped_relay: SteppedRelay) -> None:
    before = epochs()
    name = log_trigger()
    [(text,)] = sql(f"SELECT pg_get_functiondef('{name}'::regproc)")
    sql(text)
    stepped_relay.settle()
    changed = {partition for partition, epoch in epochs().items() if epoch != before[partition]}
    assert changed == {BOARD.partition.tag}


def test_a_change_log_that_was_emptied_by_hand_is_noticed(stepped_relay: SteppedRelay) -> None:
    WorkOrderFactory.create_batch(3)
    order = OrderFactory()
    stepped_relay.settle()
    assert ORDERS.read(order.number).payload
    WorkOrder.objects.update(title="Unlogged")
    type(order).objects.update(title="Unlogged")
    sql("TRUNCATE caching_change")
    stepped_relay.settle()
    assert_board_agrees()
    assert_order_agrees(order.number)


def test_an_ordinary_day_begins_nothing_anew(stepped_relay: SteppedRelay, alice: User) -> None:
    before = epochs()
    WorkOrderFactory.create_batch(3)
    OrderFactory(client=alice)
    sql("ANALYZE mes_workorder")
    sql("VACUUM mes_workorder")
    sql("CREATE INDEX extra ON mes_workorder (title)")
    sql("DROP INDEX extra")
    stepped_relay.settle()
    assert epochs() == before


def test_a_sequence_whose_numbers_sessions_keep_withholds_every_fence(stepped_relay: SteppedRelay) -> None:
    alter = "ALTER SEQUENCE caching_incarnation CACHE"
    with altered(f"{alter} 50", f"{alter} 1"):
        relay_connection().flushdb()
        with pytest.raises(ImproperlyConfigured, match="has CACHE 50"):
            stepped_relay.settle()
        assert fenced() == set()
    stepped_relay.settle()
    assert {"mes.board", "shop.orders"} <= fenced()


@pytest.mark.parametrize("policy", ["volatile-lru", "volatile-random", "allkeys-lfu"])
def test_a_redis_that_evicts_is_given_no_fence(policy: str, stepped_relay: SteppedRelay) -> None:
    with Valkey() as valkey, caches_at(valkey.url):
        valkey.client.config_set("maxmemory-policy", policy)
        with pytest.raises(ImproperlyConfigured, match=policy):
            stepped_relay.settle()
        assert not valkey.client.exists(BOARD.partition.key("fence"))
        valkey.client.config_set("maxmemory-policy", "noeviction")
        stepped_relay.settle()
        assert valkey.client.exists(BOARD.partition.key("fence"))


def test_a_pooler_between_is_refused_in_a_sentence(stepped_relay: SteppedRelay) -> None:
    stepped_relay.relay._backend += 1
    with pytest.raises(Pooled, match="a connection of its own"):
        stepped_relay.renew()


def test_a_row_that_can_not_be_rendered_withholds_no_other_caches_fence(stepped_relay: SteppedRelay) -> None:
    """And heals when the row is mended, without a restart; before that, and after."""
    odd, *_ = WorkOrderFactory.create_batch(3, status=Status.MANUFACTURING_APPROVED)
    order = OrderFactory()
    stepped_relay.settle()
    with unconstrained("mes_workorder"):
        sql(f"UPDATE mes_workorder SET status = 'MELTED' WHERE id = {odd.pk}")
        lower(stepped_relay)
        assert "mes.board" not in fenced()
        assert "shop.orders" in fenced()
        assert odd.number in trouble_of("mes.board")
        type(order).objects.update(title="Goes on")
        stepped_relay.settle()
        assert json.loads(ORDERS.read(order.number).payload or b"")["title"] == "Goes on"
        sql(f"UPDATE mes_workorder SET status = 'MANUFACTURING_APPROVED' WHERE id = {odd.pk}")
        try_again(stepped_relay)
    assert trouble_of("mes.board") == ""
    assert "mes.board" in fenced()
    assert_board_agrees()


def test_a_trigger_that_stays_disabled_is_looked_for_ever_more_rarely(stepped_relay: SteppedRelay) -> None:
    alter = f"ALTER TABLE mes_workorder {{}} TRIGGER {log_trigger()}"
    board = next(one for one in stepped_relay.relay._kept if one.cache is BOARD)
    with altered(alter.format("DISABLE"), alter.format("ENABLE")):
        for _ in range(5):
            stepped_relay.renew()
        assert board._patience == 2
        try_again(stepped_relay)
        assert board._patience == 4
    stepped_relay.settle()
    assert "mes.board" in fenced(), "enabled, it is trusted at once"


def test_one_order_that_can_not_be_rendered_is_withheld_alone(
    stepped_relay: SteppedRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others of its partition stay; nobody can put an older state of it; and it heals when it is mended."""
    odd, other = OrderFactory.create_batch(2)
    stepped_relay.settle()
    assert ORDERS.read(odd.number).payload
    assert ORDERS.read(other.number).payload
    before, usual = epochs(), ORDERS.render
    late = ORDERS.operations({odd.number: odd.version})
    token = ORDERS.partition_of(odd.number).token()

    def render(row: Any) -> Any:
        if row.title == "Odd":
            raise ValueError("nobody can show this")
        return usual(row)

    monkeypatch.setattr(ORDERS, "render", render)
    type(odd).objects.filter(pk=odd.pk).update(title="Odd")
    stepped_relay.settle()

    assert odd.number in trouble_of("shop.orders")
    assert ORDERS.read(other.number).status.endswith("hit")
    assert token
    assert ORDERS._put(ORDERS.partition_of(odd.number), token, late)[0] == 0, "an older state is refused"
    with pytest.raises(OddRow, match="nobody can show this"):
        ORDERS.read(odd.number)

    type(odd).objects.filter(pk=odd.pk).update(title="Mended")
    stepped_relay.settle()
    assert json.loads(ORDERS.read(odd.number).payload or b"")["title"] == "Mended"
    assert trouble_of("shop.orders") == ""
    assert epochs() == before


def test_what_redis_may_have_forgotten_is_not_trusted_when_it_evicts_no_more(
    stepped_relay: SteppedRelay,
) -> None:
    with Valkey() as valkey, caches_at(valkey.url):
        stepped_relay.settle()
        before = epochs()
        valkey.client.config_set("maxmemory-policy", "volatile-lru")
        with pytest.raises(ImproperlyConfigured):
            stepped_relay.settle()
        valkey.client.config_set("maxmemory-policy", "noeviction")
        stepped_relay.settle()
        assert not set(before.items()) & set(epochs().items())


def test_trouble_that_lasts_is_tried_again_ever_more_rarely(
    stepped_relay: SteppedRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[int] = []

    def render(row: Any) -> Any:
        tries.append(row.pk if hasattr(row, "pk") else 0)
        raise ValueError("nobody can show this")

    WorkOrderFactory()
    stepped_relay.settle()
    monkeypatch.setattr(BOARD, "render", render)
    board = next(one for one in stepped_relay.relay._kept if one.cache is BOARD)
    WorkOrder.objects.update(title="Odd")
    stepped_relay.settle()
    patience = []
    for _ in range(7):
        patience.append(board._patience)
        before = len(tries)
        try_again(stepped_relay)
        assert len(tries) > before
    assert patience == [2, 4, 8, 16, 30, 30, 30]
