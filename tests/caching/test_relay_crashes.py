"""Is nothing lost and nothing counted twice when a process dies, a reply is lost, or Redis stands still?"""

import threading

import pytest
from django.db import OperationalError, connection
from pytest_django import Settings
from redis.exceptions import RedisError

from caching import upkeep
from caching.changes import backlog
from caching.leadership import Leadership
from events.vocabulary import Status
from mes.caches import BOARD
from mes.models import WorkOrder
from shop.models import Order
from tests.caching.agreement import (
    assert_board_agrees,
    assert_board_agrees_soon,
    assert_order_agrees,
    board_view,
)
from tests.caching.proxy import Proxy
from tests.caching.relays import SteppedRelay, epochs, running
from tests.caching.sabotage import attribute, needs, scripts
from tests.caching.servers import Valkey, caches_at, run_django
from tests.factories import OrderFactory, WorkOrderFactory
from tests.threads import until

pytestmark = pytest.mark.django_db(transaction=True)

DIES_AFTER_COMMIT = """
import os
from django.db import transaction
from mes.models import WorkOrder
from shop.models import Order

with transaction.atomic():
    for model in (WorkOrder, Order):
        row = model.objects.get()
        row.title = "Committed"
        transaction.on_commit(lambda: os._exit(9))
        row.save()
"""

DIES_BEFORE_DELETING = """
import os
from caching.changes import ChangeLog
from caching.leadership import leadership
from caching.relay import Relay

with leadership() as lead:
    relay = Relay()
    relay.begin(lead, "test")
    ChangeLog.delete = lambda *_: os._exit(9)
    while True:
        relay.run_pass()
"""


def test_what_a_process_committed_before_it_died_is_in_the_caches_after_the_next_pass(
    stepped_relay: SteppedRelay,
) -> None:
    WorkOrderFactory()
    number = OrderFactory().number
    stepped_relay.settle()
    assert run_django(DIES_AFTER_COMMIT).returncode == 9
    assert board_view()[0]["title"] != "Committed", "it died before it could write through"
    stepped_relay.settle()
    assert board_view()[0]["title"] == "Committed"
    assert_order_agrees(number)


def test_a_relay_that_died_between_applying_and_deleting_has_counted_nothing_twice(
    stepped_relay: SteppedRelay,
) -> None:
    WorkOrderFactory.create_batch(3)
    stepped_relay.settle()
    stepped_relay.let_go()
    WorkOrder.objects.update(status=Status.PRICE_CALCULATED)
    assert run_django(DIES_BEFORE_DELETING).returncode == 9
    assert backlog() == 3
    assert BOARD.counts().counts == {Status.PRICE_CALCULATED: 3}
    stepped_relay.begin()
    assert backlog() == 0
    assert_board_agrees()
    WorkOrder.objects.update(status=Status.SUBMITTED)
    stepped_relay.settle()
    assert_board_agrees()


def test_a_postgresql_that_crashed_and_forgot_the_change_log_costs_a_rebuild(
    stepped_relay: SteppedRelay,
) -> None:
    """Recovery ends every session and empties unlogged tables."""
    WorkOrderFactory()
    number = OrderFactory().number
    stepped_relay.settle()
    known = epochs()
    WorkOrder.objects.update(title="Newer", status=Status.PRICE_CALCULATED)
    Order.objects.update(title="Newer")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [stepped_relay.session()])
        cursor.execute("TRUNCATE caching_change")
    with pytest.raises(OperationalError):
        stepped_relay.run_pass()
    assert board_view()[0]["title"] != "Newer", "nobody has told the cache"
    stepped_relay.let_go()
    stepped_relay.begin()
    assert set(known.items()).isdisjoint(epochs().items())
    assert_board_agrees()
    assert_order_agrees(number)


@needs(recognised_nonce=scripts(
    upkeep.APPLY_BOARD, upkeep.APPLY_ENTITY, line="if nonce == mine then", instead="if false then"
))  # fmt: skip
@pytest.mark.parametrize("script", [upkeep.APPLY_BOARD, upkeep.APPLY_ENTITY], ids=["board", "entity"])
def test_a_lost_reply_costs_no_rebuild_and_counts_nothing_twice(
    script: upkeep.Script, stepped_relay: SteppedRelay
) -> None:
    WorkOrderFactory()
    number = OrderFactory().number
    with Valkey() as valkey, Proxy(valkey.port) as proxy, caches_at(proxy.url):
        stepped_relay.settle()
        known = epochs()
        WorkOrder.objects.update(title="Newer", status=Status.PRICE_CALCULATED)
        Order.objects.update(title="Newer")
        proxy.lose_reply_to(script.sha)
        with pytest.raises(RedisError):
            stepped_relay.run_pass()
        proxy.wait_for_lost_reply()
        assert backlog() == 2
        stepped_relay.settle()
        assert epochs() == known
        assert backlog() == 0
        assert_board_agrees()
        assert_order_agrees(number)


def test_a_command_that_never_arrived_is_sent_again(stepped_relay: SteppedRelay) -> None:
    WorkOrderFactory()
    with Valkey() as valkey, Proxy(valkey.port) as proxy, caches_at(proxy.url):
        stepped_relay.settle()
        known = epochs()
        WorkOrder.objects.update(title="Newer", status=Status.PRICE_CALCULATED)
        proxy.hold_back(upkeep.APPLY_BOARD.sha)
        with pytest.raises(RedisError):
            stepped_relay.run_pass()
        stepped_relay.settle()
        assert epochs() == known
        assert_board_agrees()
        WorkOrder.objects.update(title="Newest", status=Status.SUBMITTED)
        stepped_relay.settle()
        proxy.let_go()  # it arrives after all, long after its repetition
        stepped_relay.settle()
        assert epochs() == known
        assert_board_agrees()


@needs(word_with_postgresql=attribute(Leadership, "prove", lambda *_args, **_kwargs: None))
def test_a_redis_that_stands_still_for_longer_than_b_costs_no_rebuild(settings: Settings) -> None:
    settings.CACHE_FENCE_SECONDS = 0.5
    WorkOrderFactory()
    with Valkey() as valkey, caches_at(valkey.url), running():
        known = epochs()
        with valkey.frozen():
            threading.Event().wait(3 * settings.CACHE_FENCE_SECONDS)
            WorkOrder.objects.update(title="Newer", status=Status.PRICE_CALCULATED)
        until(lambda: backlog() == 0)
        assert epochs() == known
        assert_board_agrees_soon()
