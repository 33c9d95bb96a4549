"""The live site of the chaos tests: started once, at rest between tests."""

from collections.abc import Iterator

import pytest

from tests.live import PROGRAMS, Live


@pytest.fixture(scope="session")
def _site(django_db_setup: None) -> Iterator[Live]:
    with Live() as site:
        yield site


@pytest.fixture
def live(_site: Live, transactional_db: None) -> Iterator[Live]:
    """Every program of the site runs, and at the end nothing is under way that this test has caused."""
    _site.start(*(name for name in ("valkey", *PROGRAMS) if name not in _site.running))
    yield _site
    _site.wait_until_quiet()
