"""A relay that steps when it is told to."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.caching.relays import LONG_FENCE, SteppedRelay, stepped


@pytest.fixture
def relay(transactional_db: None, settings: Settings) -> Iterator[SteppedRelay]:
    settings.CACHE_FENCE_SECONDS = LONG_FENCE
    with stepped() as relay:
        yield relay
