"""What every test of the caches begins with, and a relay at its side."""

from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django import Settings

from caching import signals
from caching.declared import Declared
from caching.redis import breaker
from caching.relay import Relay
from tests.caching.relays import LONG_FENCE, SteppedRelay, running, stepped


@pytest.fixture(autouse=True)
def _nothing_learnt(_clean_redis: None) -> None:
    """What this process knew of Redis, and of rows that were rolled back, went with the test before."""
    vars(transaction.get_connection()).pop(signals._PENDING, None)
    breaker.succeeded()
    for cache in Declared.registry:
        for partition in cache.partitions:
            partition._known = None


@pytest.fixture
def stepped_relay(transactional_db: None, settings: Settings) -> Iterator[SteppedRelay]:
    """A relay whose passes the test drives one by one; the fences stand for a minute between them."""
    settings.CACHE_FENCE_SECONDS = LONG_FENCE
    with stepped() as relay:
        yield relay


@pytest.fixture
def relay(transactional_db: None) -> Iterator[Relay]:
    """A relay that runs in a thread of its own, with a PostgreSQL session of its own; the fences stand."""
    with running() as relay:
        yield relay
