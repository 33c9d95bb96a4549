"""What is measured, figure by figure."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.test.utils import override_settings
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from accounts.models import User
from accounts.roles import Role
from benchmarks.calls import caller
from benchmarks.measure import Timing, interleaved
from caching.leadership import leadership
from caching.redis import relay_connection
from caching.relay import Relay
from events.vocabulary import Status
from mes.api.serializers import BoardRowSerializer
from mes.caches import BOARD
from mes.claims import work_order_claim
from mes.models import WorkOrder
from mes.payload import board_row
from shop.models import Order

PAGE = "/api/v1/mes/orders/?status=MANUFACTURING_APPROVED"


class Figure(NamedTuple):
    """One line of the table."""

    name: str
    value: str
    target: str
    detail: str


def fence_until_ms() -> int:
    """Until when the board may be hit, in milliseconds of Redis's clock; negative: it may not."""
    try:
        return int(relay_connection().pexpiretime(BOARD.partition.key("fence")))
    except RedisError:  # on a busy machine it may take longer than anybody waits for it
        return -1


def fence_stands() -> bool:
    """Whether the board may be hit."""
    return fence_until_ms() > 0


@contextmanager
def relay() -> Iterator["subprocess.Popen[bytes]"]:
    """A relay process for as long as the block lasts; entered when its fence stands."""
    process = subprocess.Popen([sys.executable, "manage.py", "relay"])
    try:
        while not fence_stands():
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()
        process.wait()


def _ratio(name: str, side: Timing, of: Timing, target: str) -> Figure:
    return Figure(name, f"{side.seconds / of.seconds:.2f}", target, f"{side} / {of}")


def pages(operator: User, client: User, order: Order) -> list[Figure]:
    """Hits against a view that answers a constant, and against PostgreSQL."""
    board, shop = caller(operator, Role.OPERATOR), caller(client, Role.CLIENT)
    address = f"/api/v1/shop/orders/{order.number}/"
    shop(address)
    _status, headers, _body = board(PAGE)
    etag = headers["etag"]
    assert headers["cache-status"] == "mes-board; hit", headers

    took = interleaved(
        {
            "null": lambda: board("/null/"),
            "unchanged": lambda: board(PAGE),
            "304": lambda: board(PAGE, etag=etag),
            "shop": lambda: shop(address),
            "postgresql": lambda: _without_cache(board),
            "serializer": _serializer_page,
            "json_agg": _json_agg_page,
            "with count": _counted_page,
        },
        calls=100,
    )
    null = took["null"]
    hit = took["unchanged"].seconds
    return [
        _ratio(
            "board page hit, unchanged since this process read it / null", took["unchanged"], null, "<= 0.85"
        ),
        _ratio("304 / null", took["304"], null, "<= 0.85"),
        _ratio("Shop order hit / null", took["shop"], null, "<= 0.8"),
        _times("the same page with the caches off", took["postgresql"], hit, "-"),
        _times("DRF serializer on PostgreSQL, the page's work alone", took["serializer"], hit, ">= 20"),
        _times("json_agg on PostgreSQL, the query alone", took["json_agg"], hit, ">= 4"),
        _times("the same with an exact count(*)", took["with count"], hit, ">= 30"),
    ]


def _times(name: str, side: Timing, hit: float, target: str) -> Figure:
    return Figure(f"times faster than: {name}", f"{side.seconds / hit:.1f}", target, str(side))


def _without_cache(board: Callable[..., Any]) -> None:
    with override_settings(CACHE_ENABLED=False):
        board(PAGE)


def _approved() -> Any:
    return WorkOrder.objects.for_board().filter(status=Status.MANUFACTURING_APPROVED)


def _serializer_page() -> None:
    rows = [board_row(order) for order in _approved()[:50]]
    json.dumps(BoardRowSerializer(rows, many=True).data)


def _json_agg_page() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT json_agg(page) FROM (SELECT number, status, title, material, quantity, price, currency,"
            " due_date, created_at, operator_id, operator_name, version FROM mes_workorder"
            " WHERE status = 'MANUFACTURING_APPROVED' ORDER BY position DESC LIMIT 50) page"
        )
        cursor.fetchone()


def _counted_page() -> None:
    _json_agg_page()
    _approved().count()


def claims(operator: User) -> list[Figure]:
    """A claim, written through, against the same claim with the caches off; all are given back at the end."""
    numbers = iter(_approved().order_by("position").values_list("number", flat=True)[:20_000])
    claimed: list[str] = []

    def claim(enabled: bool) -> None:
        switch = nullcontext() if enabled else override_settings(CACHE_ENABLED=False)
        with switch:
            claimed.append(next(numbers))
            work_order_claim(number=claimed[-1], operator=operator)

    took = interleaved({"on": lambda: claim(True), "off": lambda: claim(False)}, calls=60)
    WorkOrder.objects.filter(number__in=claimed).update(
        status=Status.MANUFACTURING_APPROVED, operator=None, operator_name=""
    )
    return [_ratio("claim with caches / the same with caches off", took["on"], took["off"], "<= 1.35")]


def updates() -> list[Figure]:
    """A plain UPDATE with our triggers against one without."""
    figures = []
    for rows, calls in ((1, 100), (10_000, 1)):
        ids = list(WorkOrder.objects.order_by("pk").values_list("pk", flat=True)[:rows])
        took = interleaved(
            {"with": lambda ids=ids: _update(ids, True), "without": lambda ids=ids: _update(ids, False)},
            calls,
        )
        name = f"UPDATE of {rows:,} row{'s' * (rows > 1)} with our triggers / without"
        figures.append(_ratio(name, took["with"], took["without"], "<= 1.3"))
    return figures


def _update(ids: list[int], triggers: bool) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        if not triggers:
            cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE mes_workorder SET quantity = quantity WHERE id = ANY(%s)", [ids])


def rebuild() -> list[Figure]:
    """Loading everything that must be present, and what a row of it costs in memory."""
    redis = get_redis_connection("default")
    redis.flushdb()
    before = redis.info("memory")["used_memory"]
    began = time.perf_counter()
    with leadership() as lead:
        keeper = Relay([BOARD])
        keeper.begin(lead, "bench")
        while not redis.exists(BOARD.partition.key("fence")):
            keeper.run_pass()
    seconds = time.perf_counter() - began
    rows = redis.hlen(BOARD.partition.key("rows"))
    memory = (redis.info("memory")["used_memory"] - before) / rows
    return [
        Figure(f"rebuild of {rows:,} rows until the fence stands", f"{seconds:.2f} s", "<= 5 s", ""),
        Figure(
            "memory a board row",
            f"{memory:.0f} B",
            "<= 750 B",
            f"Valkey, {settings.CACHE_BOARD_LATEST} latest",
        ),
    ]
