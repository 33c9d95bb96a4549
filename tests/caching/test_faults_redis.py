"""Does everything go on, and is nothing older than B, when Redis stops, freezes or forgets, under load?"""

import pytest
from pytest_django import Settings

from caching import board, entity
from tests.caching.faults import FAULTS, endure
from tests.caching.load import Load
from tests.caching.relays import running
from tests.caching.sabotage import needs, scripts
from tests.caching.safeguards import together
from tests.caching.staleness import Ledger

pytestmark = pytest.mark.django_db(transaction=True)

B = 1.0  # seconds; half of what is usual, so that the tests are short

fence_checks = together(
    scripts(board.PAGE, line="redis.call('EXISTS', KEYS[1]) == 0 or", instead=""),
    scripts(entity.READ, line="redis.call('EXISTS', KEYS[1]) == 0", instead="false"),
)


@pytest.fixture(autouse=True)
def _short_fence_and_patience(settings: Settings) -> None:
    """Callers wait for Redis no longer than in production, so that a frozen one is one that times out."""
    settings.CACHE_FENCE_SECONDS = B
    settings.CACHE_TIMEOUT_MS = 100


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_fails_and_nothing_is_older_than_b_when_redis_is(fault: str) -> None:
    ordeal = endure(fault, lasts=1.5 * B, calm=B / 4)
    assert ordeal.was_felt
    assert_promise_kept(ordeal.ledger)


@needs(fence_checks=fence_checks)
def test_nothing_fails_and_nothing_is_older_than_b_when_the_relay_is_gone() -> None:
    """Changes that no signal told of are found by nobody then: this load notices a cache that lies."""
    with Load() as load:
        with running():
            load.wait_for_hits()
        load.wait(2 * B)
    assert_promise_kept(load.ledger)


def assert_promise_kept(ledger: Ledger) -> None:
    assert not ledger.failures, ledger.failures[:3]
    assert not ledger.stale(B), ledger.stale(B)[:3]
