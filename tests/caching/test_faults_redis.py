"""Does everything go on, and is nothing older than B, when Redis stops, freezes or forgets, under load?"""

from collections.abc import Callable

import pytest
from pytest_django import Settings

from tests.caching.load import Load
from tests.caching.relays import running
from tests.caching.servers import Sentinel, Valkey, caches_at
from tests.threads import until

pytestmark = pytest.mark.django_db(transaction=True)

B = 1.0  # seconds; half of what is usual, so that the tests are short
LASTS = 1.5 * B


@pytest.fixture(autouse=True)
def _short_fence(settings: Settings) -> None:
    settings.CACHE_FENCE_SECONDS = B


def stopped(valkey: Valkey, load: Load) -> None:
    valkey.kill()
    load.wait(LASTS)
    valkey.start()


def frozen(valkey: Valkey, load: Load) -> None:
    with valkey.frozen():
        load.wait(LASTS)


def restarted_empty(valkey: Valkey, load: Load) -> None:
    valkey.kill()
    valkey.start()


def restarted_from_an_old_dump(valkey: Valkey, load: Load) -> None:
    valkey.dump()
    load.wait(B / 4)
    valkey.kill()
    valkey.start()


def flushed(valkey: Valkey, load: Load) -> None:
    valkey.client.flushall()


@pytest.mark.parametrize("fault", [stopped, frozen, restarted_empty, restarted_from_an_old_dump, flushed])
def test_nothing_fails_and_nothing_is_older_than_b_when_redis_is(
    fault: Callable[[Valkey, Load], None],
) -> None:
    with Valkey() as valkey, caches_at(valkey.url):
        load = Load()
        with running(), load:
            load.wait_for_hits()
            fault(valkey, load)
            load.wait_for_hits()
            load.wait(B / 4)
    assert_promise_kept(load)


def test_nothing_fails_and_nothing_is_older_than_b_when_sentinel_fails_over_to_a_lagging_replica() -> None:
    with Valkey() as master, Valkey() as replica, Sentinel(master) as sentinel:
        replica.client.replicaof("127.0.0.1", master.port)
        until(lambda: len(sentinel.client.sentinel_slaves("caches")) == 1)
        until(lambda: replica.client.info("replication")["master_link_status"] == "up")
        with caches_at(sentinel.service):
            load = Load()
            with running(), load:
                load.wait_for_hits()
                with replica.frozen():
                    load.wait(B / 4)
                    master.kill()
                until(lambda: sentinel.master_port() == replica.port)
                load.wait_for_hits()
                load.wait(B / 4)
    assert_promise_kept(load)


def assert_promise_kept(load: Load) -> None:
    ledger = load.ledger
    assert not ledger.failures, ledger.failures[:3]
    assert not ledger.stale(B), ledger.stale(B)[:3]
