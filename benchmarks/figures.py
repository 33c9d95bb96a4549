"""What is measured, figure by figure."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.test.utils import override_settings
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from accounts.models import User
from accounts.roles import Role
from benchmarks.calls import Get, given, with_session, with_token
from benchmarks.measure import Timing, interleaved
from caching.leadership import leadership
from caching.redis import relay_connection
from caching.relay import Relay
from events.vocabulary import Status
from mes.caches import BOARD
from mes.claims import work_order_claim
from mes.models import WorkOrder
from shop.models import Order

PAGE = "/api/v1/mes/orders/?status=MANUFACTURING_APPROVED"
POLL = "/admin/board/live/"


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
    """Hits, with their caller's token or session, against a view that answers a constant to a caller who is
    given; and against the same page of PostgreSQL's, with the same token and the caches off."""
    null = given(operator, Role.OPERATOR)
    board, shop, page = with_token(operator), with_token(client), with_session(operator)
    address = f"/api/v1/shop/orders/{order.number}/"
    etags = [_warm(get, what)["etag"] for get, what in ((board, PAGE), (page, POLL), (shop, address))]
    changed = _approved().first()
    if changed is None:
        raise ValueError("No order is ready to claim.")
    took = interleaved(
        {
            "null": lambda: null("/null/"),
            "hit": lambda: board(PAGE),
            "304": lambda: board(PAGE, etag=etags[0]),
            "shop": lambda: shop(address),
            "poll": lambda: page(POLL, etag=etags[1]),
            "off": lambda: _without_cache(board, PAGE),
            "serializer": lambda: _without_cache(board, "/serializer/"),
            "json_agg": lambda: _without_cache(board, "/json_agg/"),
        },
        calls=100,
    )
    took |= interleaved(
        {"null": lambda: null("/null/"), "changed": lambda: board(PAGE)},
        calls=100,
        before={"changed": changed.save},
    )
    of, hit = took["null"], took["hit"].seconds
    return [
        _ratio("board page hit / null", took["hit"], of, "<= 0.45"),
        _ratio("the same, 304 / null", took["304"], of, "<= 0.30"),
        _ratio("Shop order hit / null", took["shop"], of, "<= 0.30"),
        _ratio("admin poll, 304 / null", took["poll"], of, "<= 0.6"),
        _ratio("board page hit, changed since this process read it / null", took["changed"], of, "<= 3"),
        _times("json_agg by PostgreSQL", took["json_agg"], hit, ">= 10"),
        _times("DRF serializer on PostgreSQL", took["serializer"], hit, ">= 40"),
        _times("the same page with the caches off", took["off"], hit, "-"),
    ]


def _warm(get: Get, address: str) -> dict[str, str]:
    """The headers of a page that is a hit, and kept from now on."""
    for _ in range(1200):
        status, headers, _body = get(address)
        if "; hit" in headers.get("cache-status", "") and get(address)[1] == headers:
            return headers
        time.sleep(0.05)  # a new relay has to raise the fence first
    raise ValueError(f"{address} becomes no hit: {status} {headers}")


def _times(name: str, side: Timing, hit: float, target: str) -> Figure:
    return Figure(
        f"a hit is so many times faster than {name}", f"{side.seconds / hit:.1f}", target, str(side)
    )


def _without_cache(get: Get, address: str) -> None:
    with override_settings(CACHE_ENABLED=False):
        status, _headers, _body = get(address)
    if status != 200:
        raise ValueError(f"{address} is a {status}.")


def _approved() -> Any:
    return WorkOrder.objects.for_board().filter(status=Status.MANUFACTURING_APPROVED)


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
