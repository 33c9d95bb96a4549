"""Does a pass apply exactly what was committed, and does the fence say no more than that?"""

import json

import pytest
from django.db import connection

from caching import changes
from caching.changes import backlog
from caching.redis import relay_connection
from events.vocabulary import Status
from mes.caches import BOARD
from mes.models import WorkOrder
from tests.caching.agreement import assert_board_agrees
from tests.caching.relays import LONG_FENCE, SteppedRelay
from tests.factories import WorkOrderFactory
from tests.unconstrained import unconstrained

pytestmark = pytest.mark.django_db(transaction=True)


def fence_until_ms() -> int:
    """Until when the board's fence stands, in milliseconds of Redis time."""
    return int(relay_connection().execute_command("PEXPIRETIME", BOARD.partition.key("fence")))


def redis_now_ms() -> int:
    seconds, microseconds = relay_connection().time()
    return int(seconds) * 1000 + int(microseconds) // 1000


def rewrite(**values: object) -> None:
    """A change that no signal tells of."""
    WorkOrder.objects.update(**values)


def epoch() -> str:
    return str(relay_connection().hget(BOARD.partition.key("head"), "epoch").decode())


def rebuilt_why() -> str:
    return str(relay_connection().hget(BOARD.partition.key("head"), "rebuilt_why").decode())


def test_what_a_pass_has_applied_is_deleted_from_the_log(stepped_relay: SteppedRelay) -> None:
    WorkOrderFactory.create_batch(3)
    rewrite(title="Twice")
    assert backlog() == 6
    stepped_relay.run_pass()
    assert backlog() == 0
    assert_board_agrees()


def test_a_change_committed_while_a_pass_runs_is_left_to_the_next(stepped_relay: SteppedRelay) -> None:
    WorkOrderFactory()
    with stepped_relay.paused_pass(after="FROM caching_change"):
        rewrite(title="Late", status=Status.PRICE_CALCULATED)
    assert backlog() == 1
    stepped_relay.run_pass()
    assert backlog() == 0
    assert_board_agrees()


def test_a_fence_counts_from_before_the_changes_were_read(stepped_relay: SteppedRelay) -> None:
    WorkOrderFactory()
    with stepped_relay.paused_pass(after="FROM caching_change"):
        read_by = redis_now_ms()
        while redis_now_ms() == read_by:
            pass
    assert fence_until_ms() <= read_by + 1000 * LONG_FENCE


def test_an_idle_relay_renews_its_fence_before_it_runs_out(stepped_relay: SteppedRelay) -> None:
    before = fence_until_ms()
    while redis_now_ms() + 1000 * LONG_FENCE == before:
        pass
    stepped_relay.run_pass()
    assert fence_until_ms() == before, "not due yet"
    stepped_relay.renew()
    assert fence_until_ms() > before


def test_a_long_backlog_goes_in_batches_and_only_the_last_renews_the_fence(
    stepped_relay: SteppedRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "READ_BATCH", 5)
    WorkOrderFactory.create_batch(12)
    before = fence_until_ms()
    waiting = []
    while stepped_relay.run_pass():
        assert fence_until_ms() == before
        waiting.append(backlog())
    assert waiting == [7, 2]
    assert fence_until_ms() > before
    assert_board_agrees()


def test_the_last_of_many_batches_may_commit_first(
    stepped_relay: SteppedRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What commits between two batches has a smaller transaction number than what was read already."""
    monkeypatch.setattr(changes, "READ_BATCH", 5)
    slow, *_ = WorkOrderFactory.create_batch(3)
    stepped_relay.settle()
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("UPDATE mes_workorder SET title = 'Slow' WHERE id = %s", [slow.pk])
        stepped_relay.do(lambda: [WorkOrderFactory() for _ in range(12)])
        assert stepped_relay.run_pass(), "there are more"
        cursor.execute("COMMIT")
    stepped_relay.settle()
    assert backlog() == 0
    assert_board_agrees()


@pytest.mark.parametrize("damage", ["another relay", "lost", "an older copy", "a row taken out of its index"])
def test_a_partition_that_is_not_as_the_relay_left_it_is_rebuilt(
    damage: str, stepped_relay: SteppedRelay
) -> None:
    _, order = WorkOrderFactory.create_batch(2)
    stepped_relay.settle()
    redis, head, known = relay_connection(), BOARD.partition.key("head"), epoch()
    before = fence_until_ms()
    if damage == "another relay":
        redis.hset(head, "nonce", "of another")
    elif damage == "lost":
        redis.flushdb()
    elif damage == "an older copy":
        nonce = redis.hget(head, "nonce")
        stepped_relay.renew()
        before = fence_until_ms()
        redis.hset(head, "nonce", nonce)
    else:
        redis.zrem(BOARD.partition.key("index"), *redis.zrange(BOARD.partition.key("index"), 0, 0))
    WorkOrder.objects.filter(pk=order.pk).update(title="Newer", status=Status.PRICE_CALCULATED)

    assert stepped_relay.renew(), "there is a rebuild to do"
    assert fence_until_ms() in (before, -2), "nobody vouches for it"
    assert backlog() == 1, "a rebuild may read less than these changes say"
    stepped_relay.settle()
    assert epoch() != known
    assert rebuilt_why() == ("broken partition" if "index" in damage else "foreign partition")
    assert_board_agrees()


def test_a_rebuild_takes_the_fence_away_until_everything_is_loaded(stepped_relay: SteppedRelay) -> None:
    WorkOrderFactory.create_batch(3)
    relay_connection().hset(BOARD.partition.key("head"), "nonce", "of another")
    stepped_relay.renew()
    with stepped_relay.paused_pass(after='FROM "mes_workorder"'):
        page = BOARD.page({}, 50)
        assert page.status == "mes-board; fwd=bypass; detail=no-fence"
        assert len(json.loads(b"[" + (page.rows or b"") + b"]")) == 3
        rewrite(title="Meanwhile")
    stepped_relay.settle()
    assert_board_agrees()


def test_a_rebuild_under_somebody_elses_hands_starts_over(stepped_relay: SteppedRelay) -> None:
    WorkOrderFactory.create_batch(3)
    redis, head = relay_connection(), BOARD.partition.key("head")
    redis.hset(head, "nonce", "of another")
    stepped_relay.renew()
    with stepped_relay.paused_pass(after='FROM "mes_workorder"'):
        redis.flushdb()
    assert not redis.exists(BOARD.partition.key("fence"))
    stepped_relay.settle()
    assert_board_agrees()


def test_a_value_the_facets_do_not_know_is_no_reason_to_stop(stepped_relay: SteppedRelay) -> None:
    """psql can write what no form lets through."""
    WorkOrderFactory.create_batch(2)
    odd = WorkOrderFactory()
    with unconstrained("mes_workorder"):
        WorkOrder.objects.filter(pk=odd.pk).update(material="tin")
    stepped_relay.settle()
    assert_board_agrees()
