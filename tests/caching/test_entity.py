"""When is a Shop order read from memory, and is it what PostgreSQL has?"""

from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings

from accounts.models import User
from caching.entity import READ
from caching.redis import relay_connection
from events.vocabulary import Material, Status
from shop.caches import ORDERS
from shop.models import Order
from shop.payload import order_payload
from tests.caching.reads import HIT, STORED, Selects, read_order
from tests.caching.relays import LONG_FENCE, SteppedRelay, stepped
from tests.caching.sabotage import needs, scripts
from tests.caching.servers import Valkey, caches_at
from tests.conftest import As
from tests.factories import OrderFactory

NOBODYS = "A-00000000"


def forget(number: str) -> None:
    """The row leaves Redis, as when its time is over."""
    assert relay_connection().unlink(ORDERS.partition_of(number).key(f"row:{number}")) == 1


def test_the_second_read_is_a_hit_that_asks_postgresql_nothing(
    stepped_relay: SteppedRelay, alice: User, as_user: As
) -> None:
    order = OrderFactory(client=alice)
    forget(order.number)
    client = as_user(alice)

    first, how = read_order(client, order.number)
    assert how == STORED
    with Selects() as selects:
        second, how = read_order(client, order.number)

    assert (how, selects.count) == (HIT, 0)
    assert first == second == order_payload(Order.objects.get())


def test_a_new_order_is_in_the_cache_before_its_maker_asks_for_it(
    stepped_relay: SteppedRelay, alice: User, as_user: As
) -> None:
    client = as_user(alice)
    body = {"title": "Ring", "material": Material.GOLD_585, "quantity": 2}

    created = client.post("/api/v1/shop/orders/", body, format="json").json()
    with Selects() as selects:
        read, how = read_order(client, created["number"])

    assert (how, selects.count) == (HIT, 0)
    assert read == created


def test_a_change_of_status_is_in_the_very_next_read(
    stepped_relay: SteppedRelay, alice: User, as_user: As
) -> None:
    order = OrderFactory(client=alice, status=Status.PRICE_CALCULATED, price="90.00")
    client = as_user(alice)
    read_order(client, order.number)

    approved = client.post(f"/api/v1/shop/orders/{order.number}/approve/").json()
    read, how = read_order(client, order.number)

    assert how == HIT
    assert read["status"] == "MANUFACTURING_APPROVED"
    assert read == approved


def test_who_has_the_order_as_it_is_gets_no_body(
    stepped_relay: SteppedRelay, alice: User, as_user: As
) -> None:
    order = OrderFactory(client=alice)
    client = as_user(alice)
    etag = client.get(f"/api/v1/shop/orders/{order.number}/")["ETag"]
    order.refresh_from_db()
    assert etag.startswith('W/"')

    assert read_order(client, order.number, 304, if_none_match=etag) == (None, HIT)
    assert read_order(client, order.number, 304, if_none_match=f'"other", {etag}') == (None, HIT)
    assert read_order(client, order.number, 304, if_none_match="*") == (None, HIT)
    assert read_order(client, order.number, 200, if_none_match='W/"1"')[1] == HIT
    order.save()
    changed, _how = read_order(client, order.number, 200, if_none_match=etag)
    assert changed["version"] > order.version


@pytest.mark.parametrize("way", ["hit", "miss", "bypass"])
def test_an_order_of_somebody_else_is_not_found_however_it_is_read(
    way: str, stepped_relay: SteppedRelay, alice: User, clara: User, as_user: As, settings: Settings
) -> None:
    order = OrderFactory(client=alice)
    if way == "miss":
        forget(order.number)
    settings.CACHE_ENABLED = way != "bypass"

    problem, how = read_order(as_user(clara), order.number, 404)

    bypass = "shop-order; fwd=bypass; detail=off"
    assert (problem["code"], how) == ("not_found", {"hit": HIT, "miss": STORED, "bypass": bypass}[way])
    assert order.title not in str(problem)
    assert read_order(as_user(alice), order.number)[0]["number"] == order.number


def test_an_order_that_changes_hands_is_its_new_owners_at_once(
    stepped_relay: SteppedRelay, alice: User, clara: User, as_user: As
) -> None:
    order = OrderFactory(client=alice)
    order.client = clara
    order.save()
    assert read_order(as_user(alice), order.number, 404)[1] == HIT
    assert read_order(as_user(clara), order.number)[1] == HIT


def test_that_there_is_no_such_order_is_cached_too(
    stepped_relay: SteppedRelay, alice: User, as_user: As
) -> None:
    client = as_user(alice)
    assert read_order(client, NOBODYS, 404)[1] == STORED
    with Selects() as selects:
        assert read_order(client, NOBODYS, 404)[1] == HIT
    assert selects.count == 0
    key = ORDERS.partition_of(NOBODYS).key(f"row:{NOBODYS}")
    assert 55 <= relay_connection().ttl(key) <= 60  # whoever asks for numbers at random fills no memory

    OrderFactory(client=alice, number=NOBODYS)

    assert read_order(client, NOBODYS)[1] == HIT


def test_a_deleted_order_is_gone_at_once(stepped_relay: SteppedRelay, alice: User, as_user: As) -> None:
    order = OrderFactory(client=alice)
    client = as_user(alice)
    read_order(client, order.number)

    order.delete()

    assert read_order(client, order.number, 404)[1] == HIT


@pytest.mark.parametrize("columns", [("title",), ("number",), ("version",)])
def test_an_order_whose_columns_were_not_all_loaded_is_deleted_like_any_other(
    columns: tuple[str, ...], stepped_relay: SteppedRelay, alice: User
) -> None:
    number = OrderFactory(client=alice).number

    Order.objects.only(*columns).get().delete()
    stepped_relay.run_pass()

    found = ORDERS.read(number)
    assert (found.payload, found.status) == (None, HIT)


def test_a_row_lives_for_its_time_after_it_was_put(
    stepped_relay: SteppedRelay, alice: User, settings: Settings
) -> None:
    settings.CACHE_SHOP_TTL = 500
    order = OrderFactory(client=alice)
    key = ORDERS.partition_of(order.number).key(f"row:{order.number}")
    assert 495 <= relay_connection().ttl(key) <= 500

    relay_connection().persist(key)
    Order.objects.update(title="Bracelet")
    stepped_relay.run_pass()
    assert 495 <= relay_connection().ttl(key) <= 500

    forget(order.number)
    assert ORDERS.read(order.number).status == STORED
    assert 495 <= relay_connection().ttl(key) <= 500


def test_switched_off_the_cache_is_neither_read_nor_written(
    stepped_relay: SteppedRelay, alice: User, as_user: As, settings: Settings
) -> None:
    settings.CACHE_ENABLED = False
    order = OrderFactory(client=alice)
    for _ in range(2):
        assert read_order(as_user(alice), order.number)[1] == "shop-order; fwd=bypass; detail=off"
    assert not relay_connection().exists(ORDERS.partition_of(order.number).key(f"row:{order.number}"))


@pytest.mark.django_db(transaction=True)
def test_before_any_relay_has_begun_postgresql_answers(alice: User, as_user: As) -> None:
    order = OrderFactory(client=alice)
    for _ in range(2):
        assert read_order(as_user(alice), order.number)[1] == "shop-order; fwd=bypass; detail=no-fence"
    assert relay_connection().keys(ORDERS.partition_of(order.number).key("*")) == []


@needs(the_fence=scripts(READ, line="redis.call('EXISTS', KEYS[1]) == 0", instead="false"))
def test_when_the_fence_has_run_out_a_cached_order_is_no_hit(
    stepped_relay: SteppedRelay, alice: User, as_user: As
) -> None:
    order = OrderFactory(client=alice)
    assert ORDERS.read(order.number).status == HIT
    relay_connection().unlink(ORDERS.partition_of(order.number).key("fence"))
    assert ORDERS.read(order.number).status == "shop-order; fwd=bypass; detail=no-fence"


def test_inside_a_transaction_there_is_neither_hit_nor_fill(stepped_relay: SteppedRelay, alice: User) -> None:
    order = OrderFactory(client=alice)
    absent = "A-11111111"
    with transaction.atomic():
        for number in (order.number, absent):
            assert ORDERS.read(number).status == "shop-order; fwd=bypass; detail=transaction"
    assert ORDERS.read(absent).status == STORED


def test_a_redis_that_is_full_still_hits_and_what_it_misses_postgresql_answers(
    transactional_db: None, settings: Settings, alice: User, as_user: As
) -> None:
    settings.CACHE_FENCE_SECONDS = LONG_FENCE
    with Valkey() as valkey, caches_at(valkey.url), stepped():
        hot, order = OrderFactory.create_batch(2, client=alice)
        forget(order.number)
        valkey.client.config_set("maxmemory", 1)
        assert read_order(as_user(alice), order.number)[1] == "shop-order; fwd=bypass; detail=error"
        assert read_order(as_user(alice), hot.number)[1] == HIT


@pytest.fixture
def three_partitions(monkeypatch: Any) -> None:
    """CACHE_SHOP_PARTITIONS=3, which a process reads when it starts."""
    monkeypatch.setattr(ORDERS, "partition_count", 3)
    monkeypatch.delitem(vars(ORDERS), "partitions", raising=False)


@pytest.fixture
def over_three(three_partitions: None, stepped_relay: SteppedRelay) -> SteppedRelay:
    return stepped_relay


def test_orders_are_spread_over_partitions_that_stand_and_fall_alone(
    over_three: SteppedRelay, alice: User, as_user: As
) -> None:
    orders = OrderFactory.create_batch(12, client=alice)
    used = {ORDERS.partition_of(order.number) for order in orders}
    assert len(used) == 3
    fallen = ORDERS.partition_of(orders[0].number)

    relay_connection().unlink(*fallen.keys("fence", "head"))

    for order in orders:
        hit = ORDERS.partition_of(order.number) is not fallen
        how = HIT if hit else "shop-order; fwd=bypass; detail=no-fence"
        assert read_order(as_user(alice), order.number)[1] == how
    over_three.settle()
    Order.objects.update(title="Bracelet")
    over_three.run_pass()
    for order in orders:
        ORDERS.read(order.number)
        read, how = read_order(as_user(alice), order.number)
        assert (read["title"], how) == ("Bracelet", HIT)
