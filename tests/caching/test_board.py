"""Is a page of the board read from memory and what PostgreSQL has, and when does a copy of it still hold?"""

from typing import Any

import pytest
from django.db import transaction
from pytest_django import Settings

from accounts.models import User
from caching import board
from caching.redis import relay_connection
from events.http import encode_cursor
from events.vocabulary import Material, Status
from mes.caches import BOARD
from mes.models import NextPosition, WorkOrder
from mes.services import move
from tests.caching.boards import fill, rows_of, stored, whole
from tests.caching.kinds import rebuild
from tests.caching.reads import Selects
from tests.caching.relays import SteppedRelay
from tests.caching.sabotage import needs, scripts
from tests.clients import ApiClient
from tests.conftest import As
from tests.factories import WorkOrderFactory
from tests.unconstrained import unconstrained

HIT, PARTIAL = "mes-board; hit", "mes-board; fwd=partial"
S = Status


@pytest.fixture
def api(olga: User, as_user: As) -> ApiClient:
    return as_user(olga)


def read(api: ApiClient, query: str = "", status: int = 200, etag: str = "") -> Any:
    answer = api.get(f"/api/v1/mes/orders/{query}", headers={"If-None-Match": etag} if etag else None)
    assert answer.status_code == status, answer.content
    return answer


# -- Hits -------------------------------------------------------------------------------------------------


def test_a_page_is_a_hit_that_asks_postgresql_nothing(stepped_relay: SteppedRelay, api: ApiClient) -> None:
    fill([S.SHIPPED, S.MANUFACTURING_APPROVED, S.SUBMITTED])
    rebuild(stepped_relay)
    for _ in range(2):
        with Selects() as selects:
            answer = read(api)
        assert (answer["Cache-Status"], selects.count) == (HIT, 0)
        assert answer["Cache-Control"] == "private, no-cache"
        assert answer["Content-Type"] == "application/json"
        assert answer.json() == {"results": stored(), "next": None, "count": 3}


def test_a_new_order_and_its_change_are_in_the_very_next_page(
    stepped_relay: SteppedRelay, api: ApiClient, olga: User
) -> None:
    assert read(api).json()["results"] == []
    order = WorkOrderFactory(status=S.MANUFACTURING_APPROVED)
    assert [row["number"] for row in read(api).json()["results"]] == [order.number]

    assert api.post(f"/api/v1/mes/orders/{order.number}/claim/").status_code == 200

    with Selects() as selects:
        assert read(api, "?status=MANUFACTURING_APPROVED").json()["results"] == []
        (row,) = read(api, "?status=MANUFACTURING_STARTED").json()["results"]
    assert (row["operator"]["id"], selects.count) == (olga.pk, 0)


def test_every_filter_shows_its_orders_and_no_others(stepped_relay: SteppedRelay, api: ApiClient) -> None:
    shown = [S.SUBMITTED, S.MANUFACTURING_APPROVED, S.PACKAGING, S.CANCELLED]
    for material in (Material.BRASS, Material.GOLD_750):
        fill([*shown, *shown], material)
    rebuild(stepped_relay)
    for status in (None, *Status):
        for material in (None, *Material):
            asked = {k: v for k, v in (("status", status), ("material", material)) if v is not None}
            answer = read(api, "?limit=3&" + "&".join(f"{k}={v}" for k, v in asked.items()))
            expected = stored(**asked)
            assert answer["Cache-Status"] == HIT
            assert answer.json()["results"] == expected[:3], asked
            assert answer.json()["count"] == len(expected)
            assert (answer.json()["next"] is None) == (len(expected) <= 3)


def test_a_value_that_no_filter_knows_is_shown_unfiltered(stepped_relay: SteppedRelay) -> None:
    """Written by hand, past every form; it must not stop the relay."""
    order = WorkOrderFactory(material=Material.BRASS)
    with unconstrained("mes_workorder"):
        WorkOrder.objects.update(material="unobtainium")
    stepped_relay.settle()
    assert [row["material"] for row in rows_of(BOARD.page({}, 10))] == ["unobtainium"]
    assert BOARD.page({"material": Material.BRASS}, 10).count == 0
    order.delete()
    assert BOARD.page({}, 10).count == 0


def test_a_cursor_from_anywhere_is_a_page_and_no_error(stepped_relay: SteppedRelay, api: ApiClient) -> None:
    fill([S.SUBMITTED] * 3)
    rebuild(stepped_relay)
    for position, expected in ((2**63 - 1, 3), (2**50, 3), (2**50 - 1, 3), (0, 0), (-1, 0), (-(2**63), 0)):
        answer = read(api, f"?cursor={encode_cursor(position)}")
        assert len(answer.json()["results"]) == expected
    read(api, "?cursor=nonsense", 400)


def test_a_board_without_orders_is_a_hit(stepped_relay: SteppedRelay, api: ApiClient) -> None:
    answer = read(api)
    assert answer["Cache-Status"] == HIT
    assert answer.json() == {"results": [], "next": None, "count": 0}


# -- The horizon ------------------------------------------------------------------------------------------


@pytest.fixture
def beyond(stepped_relay: SteppedRelay, settings: Settings) -> list[str]:
    """Thirty orders of which the board keeps the ten latest and, of the older, the third and the seventh,
    which nobody has claimed. Their numbers, the newest first."""
    settings.CACHE_BOARD_LATEST = 10
    statuses = [S.SHIPPED] * 30
    statuses[2] = statuses[6] = S.MANUFACTURING_APPROVED
    numbers = fill(statuses)
    rebuild(stepped_relay)
    return numbers[::-1]


def test_a_page_that_reaches_past_the_horizon_comes_from_postgresql_and_says_so(
    beyond: list[str], api: ApiClient
) -> None:
    above, across, below = read(api, "?limit=9"), read(api, "?limit=10"), read(api, "?limit=25")
    assert above["Cache-Status"] == HIT
    assert "ETag" in above
    for answer in (across, below):
        assert answer["Cache-Status"] == PARTIAL
        assert "ETag" not in answer
        assert answer.json()["count"] is None
    assert above.json()["count"] is None  # of this view the cache doesn't know how many there are
    assert [row["number"] for row in below.json()["results"]] == beyond[:25]
    rest = api.get(below.json()["next"])
    assert rest["Cache-Status"] == PARTIAL
    assert [row["number"] for row in rest.json()["results"]] == beyond[25:]
    assert rest.json()["next"] is None


def test_a_view_that_misses_nothing_is_counted_however_old_its_orders(
    beyond: list[str], api: ApiClient
) -> None:
    answer = read(api, "?status=MANUFACTURING_APPROVED")
    assert (answer["Cache-Status"], answer.json()["count"]) == (HIT, 2)
    assert [row["number"] for row in answer.json()["results"]] == [beyond[23], beyond[27]]


def test_a_page_across_the_horizon_is_of_one_moment(beyond: list[str], api: ApiClient) -> None:
    """An order that has just moved up across it: the cache knows it below, PostgreSQL above."""
    moved = beyond[15]
    WorkOrder.objects.filter(number=moved).update(position=NextPosition())  # no signal, and no relay's pass
    with Selects() as selects:
        across = read(api, "?limit=12")
    assert across["Cache-Status"] == PARTIAL
    assert [row["number"] for row in across.json()["results"]] == [moved, *beyond[:11]]
    assert selects.count == 1


@pytest.mark.parametrize("etag", ["of the top", "any"])
def test_a_page_past_the_horizon_is_never_not_modified(etag: str, beyond: list[str], api: ApiClient) -> None:
    known = read(api, "?limit=9")["ETag"] if etag == "of the top" else "*"
    for query in ("?limit=10", "?limit=50", "?limit=9&cursor=" + encode_cursor(1)):
        assert read(api, query, etag=known)["Cache-Status"] == PARTIAL


def test_a_page_that_has_sunk_below_the_horizon_is_not_modified_no_longer(
    beyond: list[str], api: ApiClient, settings: Settings
) -> None:
    """Its view may not have changed since; but now the cache can't know."""
    etag = read(api, "?limit=9")["ETag"]
    read(api, "?limit=9", 304, etag)
    settings.CACHE_BOARD_LATEST = 5
    assert BOARD.trim() == 5
    again = read(api, "?limit=9", 200, etag)
    assert again["Cache-Status"] == PARTIAL
    assert [row["number"] for row in again.json()["results"]] == beyond[:9]


# -- ETags ------------------------------------------------------------------------------------------------


def test_who_has_the_page_as_it_is_gets_no_body(stepped_relay: SteppedRelay, api: ApiClient) -> None:
    order = WorkOrderFactory(status=S.SUBMITTED)
    etag = read(api)["ETag"]
    assert etag.startswith('W/"')

    same = read(api, "", 304, etag)
    assert (same.content, same["Cache-Status"], same["ETag"]) == (b"", HIT, etag)
    read(api, "", 304, f'"another", {etag}')
    read(api, "", 200, 'W/"another"')
    order.save()
    assert read(api, "", 200, etag)["ETag"] != etag


@needs(generations=scripts(board.PUT, line="  bump(time)\n  return", instead="  return"))
def test_a_change_ends_the_copies_of_the_views_it_is_in_and_of_no_others(
    stepped_relay: SteppedRelay, api: ApiClient, olga: User
) -> None:
    gold = WorkOrderFactory(status=S.PRICE_CALCULATED, material=Material.GOLD_750)
    WorkOrderFactory(status=S.PRICE_CALCULATED, material=Material.BRASS)
    views = [
        "?",
        "?material=gold_750",
        "?material=brass",
        "?status=PRICE_CALCULATED",
        "?status=MANUFACTURING_APPROVED",
        "?status=PRICE_CALCULATED&material=gold_750",
        "?status=PRICE_CALCULATED&material=brass",
        "?status=SHIPPED",
    ]
    before = {view: (read(api, view)["ETag"], read(api, view).json()["results"]) for view in views}

    with transaction.atomic():
        move(gold, S.MANUFACTURING_APPROVED, None, "client")

    changed = [view for view in views if read(api, view).json()["results"] != before[view][1]]
    assert changed == [view for view in views if "brass" not in view and "SHIPPED" not in view]
    for view in views:
        read(api, view, 200 if view in changed else 304, before[view][0])


def test_a_copy_from_before_a_rebuild_holds_no_longer(stepped_relay: SteppedRelay, api: ApiClient) -> None:
    """Nobody knows what was missed between."""
    etag = read(api)["ETag"]
    rebuild(stepped_relay)
    read(api, "", 200, etag)


def test_without_a_fence_no_copy_holds(stepped_relay: SteppedRelay, api: ApiClient) -> None:
    etag = read(api)["ETag"]
    relay_connection().unlink(BOARD.partition.key("fence"))
    answer = read(api, "", 200, etag)
    assert answer["Cache-Status"] == "mes-board; fwd=bypass; detail=no-fence"
    assert "ETag" not in answer
    assert answer.json() == {"results": [], "next": None, "count": None}


@needs(
    the_bottom=scripts(board.PAGE, line="(horizon == '0000000000' and 'a' or '')", instead="''"),
)
def test_a_copy_that_counted_every_order_ends_when_the_horizon_leaves_the_bottom(
    stepped_relay: SteppedRelay, settings: Settings
) -> None:
    settings.CACHE_BOARD_LATEST = 6
    fill([S.SHIPPED] * 4, Material.GOLD_750)
    rebuild(stepped_relay)
    gold = {"material": Material.GOLD_750}
    first = BOARD.page(gold, 1)
    assert (first.count, first.status) == (4, HIT)

    for _ in range(4):  # of silver, so that no golden order changes
        WorkOrderFactory(status=S.SHIPPED)
    assert relay_connection().hget(BOARD.partition.key("head"), "horizon") != b"0000000000"

    again = BOARD.page(gold, 1, etag=first.etag)
    assert again.rows == first.rows
    assert again.count is None


# -- Trouble ----------------------------------------------------------------------------------------------


def test_too_many_rows_withhold_the_fence_until_there_are_fewer(
    stepped_relay: SteppedRelay, settings: Settings
) -> None:
    settings.CACHE_BOARD_LATEST, settings.CACHE_BOARD_MAX_ROWS = 2, 8
    fill([S.MANUFACTURING_APPROVED] * 10)
    rebuild(stepped_relay)
    assert BOARD.page({}, 10).status == "mes-board; fwd=bypass; detail=no-fence"

    for order in WorkOrder.objects.order_by("position")[:2]:
        order.status = S.CANCELLED
        order.save()
    stepped_relay.settle()

    assert whole(5) == stored()
    assert BOARD.page({"status": S.MANUFACTURING_APPROVED}, 10).count == 8


DAMAGE = {
    "a row is not in the index": lambda redis, key: redis.zrem(
        key("index"), *redis.zrangebylex(key("index"), "[**", "(**\xff", 0, 1)
    ),
    "the index is lost": lambda redis, key: redis.unlink(key("index")),
    "a payload is lost": lambda redis, key: redis.hdel(key("rows"), redis.hkeys(key("rows"))[0]),
    "a version is lost": lambda redis, key: redis.hdel(key("meta"), redis.hkeys(key("meta"))[0]),
    "all versions are lost": lambda redis, key: redis.unlink(key("meta")),
    "the rows are of another type": lambda redis, key: redis.set(key("rows"), "?"),
    "the index is of another type": lambda redis, key: redis.set(key("index"), "?"),
    "the head is lost": lambda redis, key: redis.unlink(key("head")),
    "everything is lost": lambda redis, key: redis.flushdb(),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_board_that_somebody_has_damaged_is_rebuilt_at_the_next_pass(
    damage: Any, stepped_relay: SteppedRelay, settings: Settings
) -> None:
    settings.CACHE_BOARD_LATEST = 5
    fill([S.MANUFACTURING_APPROVED, S.SHIPPED] * 5)
    rebuild(stepped_relay)
    epoch = relay_connection().hget(BOARD.partition.key("head"), "epoch")
    damage(relay_connection(), BOARD.partition.key)

    stepped_relay.settle()

    assert relay_connection().hget(BOARD.partition.key("head"), "epoch") != epoch
    assert whole(3) == stored()


def test_a_page_whose_payload_is_missing_comes_from_postgresql(stepped_relay: SteppedRelay) -> None:
    (number,) = fill([S.SUBMITTED])
    rebuild(stepped_relay)
    relay_connection().hdel(BOARD.partition.key("rows"), number)
    page = BOARD.page({}, 10)
    assert (page.status, rows_of(page)) == ("mes-board; fwd=bypass; detail=broken", stored())
