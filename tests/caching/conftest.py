"""A relay at the side of tests of the caches."""

from collections.abc import Iterator

import pytest

from caching.relay import Relay
from tests.caching.relays import running


@pytest.fixture
def relay(transactional_db: None) -> Iterator[Relay]:
    """A relay that runs in a thread of its own, with a PostgreSQL session of its own; the fences stand."""
    with running() as relay:
        yield relay
