"""Is a cache believed by those of its own database only: installation, cluster and timeline?"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import DEFAULT_DB_ALIAS, connection, connections
from pytest_django import Settings

from caching import leadership, lines
from caching.leadership import NotLeading
from caching.lines import Line
from caching.redis import ask_all, relay_connection
from mes.caches import BOARD
from shop.caches import ORDERS
from tests.caching.agreement import assert_board_agrees
from tests.caching.relays import LONG_FENCE, SteppedRelay
from tests.factories import OrderFactory, WorkOrderFactory

pytestmark = pytest.mark.django_db(transaction=True)
HEAD = "head"


@pytest.fixture(autouse=True)
def _home(transactional_db: None) -> Iterator[None]:
    """What a test pretends goes with it."""
    lines.learn()
    yield
    lines.learn()


def pretend(line: Line) -> None:
    """This process's connection is of another line from now on, and PostgreSQL was asked a moment ago."""
    lines._home.line, lines._home.asked_at = line, float("inf")


def failed_over(times: int = 1) -> Line:
    """The line after so many failovers."""
    now = lines.line()
    return replace(now, timeline=f"{int(now.timeline, 16) + times:08X}")


def test_the_line_is_postgresqls_own_account() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT system_identifier::text FROM pg_control_system()")
        assert lines.line().cluster == cursor.fetchone()[0]
    assert lines.line().timeline == "00000001"
    assert len(lines.installation()) == 8
    assert lines.parse(str(lines.line())) == lines.line()
    assert lines.parse("") is None


def test_a_new_connection_says_anew_of_which_line_it_is() -> None:
    pretend(failed_over())
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert lines.line().timeline == "00000001"


def test_another_installation_on_the_same_redis_has_other_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    tag = BOARD.tag()
    monkeypatch.setattr(lines._home, "installation", "elsewhere")
    assert BOARD.tag() != tag
    assert "elsewhere" in BOARD.tag()


def test_whoever_reads_another_line_takes_no_hit_and_puts_nothing(stepped_relay: SteppedRelay) -> None:
    number = OrderFactory().number
    WorkOrderFactory()
    stepped_relay.settle()
    assert ORDERS.read(number).status == "shop-order; hit"
    pretend(failed_over())
    assert ORDERS.read(number).status == "shop-order; fwd=bypass; detail=other-database"
    assert BOARD.page({}, 50).status == "mes-board; fwd=bypass; detail=other-database"
    assert ORDERS.partition_of(number).token() is None
    lines.learn()
    assert ORDERS.read(number).status == "shop-order; hit"


def test_who_was_left_behind_by_a_failover_asks_before_it_gives_up(stepped_relay: SteppedRelay) -> None:
    number = OrderFactory().number
    stepped_relay.settle()
    pretend(failed_over())
    lines._home.asked_at = -float("inf")
    assert ORDERS.read(number).status == "shop-order; hit"


def test_an_old_primarys_relay_does_not_lead_beside_the_new_ones(
    stepped_relay: SteppedRelay, settings: Settings
) -> None:
    WorkOrderFactory()
    stepped_relay.settle()
    stepped_relay.let_go()
    head = BOARD.partition.key(HEAD)
    relay_connection().hset(head, mapping={"line": str(failed_over()), "nonce": "the new one's"})
    relay_connection().unlink(BOARD.partition.key("fence"))
    with pytest.raises(NotLeading, match="a relay of another database keeps"):
        stepped_relay.begin()


def test_a_promoted_servers_relay_takes_over_at_once(stepped_relay: SteppedRelay, settings: Settings) -> None:
    settings.CACHE_FENCE_SECONDS = LONG_FENCE
    WorkOrderFactory()
    stepped_relay.settle()
    stepped_relay.let_go()
    before = replace(lines.line(), timeline="00000000")
    relay_connection().hset(
        BOARD.partition.key(HEAD), mapping={"line": str(before), "nonce": "the old one's"}
    )
    stepped_relay.begin()
    assert_board_agrees()


def test_a_copys_relay_waits_for_as_long_as_the_other_leads_fence_or_none(
    stepped_relay: SteppedRelay, settings: Settings
) -> None:
    WorkOrderFactory()
    stepped_relay.settle()
    stepped_relay.let_go()
    copied = replace(lines.line(), started="123")
    relay_connection().hset(BOARD.partition.key(HEAD), mapping={"line": str(copied), "nonce": "the other's"})
    relay_connection().unlink(BOARD.partition.key("fence"))
    relay_connection().set(leadership._keeper(), str(copied))
    with pytest.raises(NotLeading, match="its own Redis number"):
        stepped_relay.begin()
    relay_connection().unlink(leadership._keeper())
    stepped_relay.begin()
    assert_board_agrees()


def test_what_was_proven_by_another_lines_relay_holds_no_more(stepped_relay: SteppedRelay) -> None:
    """A switch to another server, while the old one and its relay live on."""
    number = OrderFactory().number
    stepped_relay.settle()
    ORDERS.read(number)
    proof = ORDERS.read(number).proof
    assert proof
    assert proof.holds(ask_all([proof.call])[0])
    pretend(failed_over())
    assert not proof.holds(ask_all([proof.call])[0])


def test_a_row_that_another_servers_connection_read_is_put_by_nobody(stepped_relay: SteppedRelay) -> None:
    """Threads of one process may be connected to two servers, for a while."""
    order = OrderFactory()
    stepped_relay.settle()
    row = ORDERS.partition_of(order.number).key(f"row:{order.number}")
    relay_connection().unlink(row)
    wrapper: Any = connections[DEFAULT_DB_ALIAS]
    ours, wrapper.caching_line = wrapper.caching_line, failed_over()
    try:
        assert ORDERS.read(order.number).status == "shop-order; fwd=uri-miss"
        assert not relay_connection().exists(ORDERS.partition_of(order.number).key(f"row:{order.number}"))
    finally:
        wrapper.caching_line = ours
    assert ORDERS.read(order.number).status.endswith("stored")
