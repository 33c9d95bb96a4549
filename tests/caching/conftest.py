"""A relay at the side of tests of the caches."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from caching.relay import Relay
from tests.caching.relays import LONG_FENCE, SteppedRelay, running, stepped


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
