"""Do the findings that no log tells of come out broken: a site beyond repair, caches that disagree?"""

import random
from argparse import Namespace
from pathlib import Path

import pytest
from pytest_django import Settings

from caching.redis import relay_connection
from events.vocabulary import Status
from mes.caches import BOARD
from tests.caching.boards import fill
from tests.caching.relays import stepped
from tests.chaos.breaking import Breaking
from tests.chaos.director import caches_agree
from tests.chaos.faults import FAULTS
from tests.chaos.notes import Notes
from tests.chaos.site import Site


def beyond_repair(site: Site, dice: random.Random) -> None:
    raise AssertionError("never came back")


def refused(site: Site, dice: random.Random) -> str:
    return "refused-in-the-end"


def harmless(site: Site, dice: random.Random) -> None:
    pass


@pytest.fixture
def breaking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Breaking:
    """Three faults, without calm, so that no site is needed."""
    for fault in (harmless, refused, beyond_repair):
        monkeypatch.setitem(FAULTS, fault.__name__, fault)
    site = Site.__new__(Site)
    options = Namespace(seed=1, minutes=0, calm=0, faults="harmless,refused,beyond_repair,harmless")
    return Breaking(site, tmp_path, options)


def test_a_site_that_does_not_work_again_is_found_and_ends_the_run(
    breaking: Breaking, tmp_path: Path
) -> None:
    finding = breaking.run()
    assert (finding.tried, finding.broken) == (3, 1)
    assert finding.examples == ["beyond_repair: never came back"]
    names = [fault.name for fault in Notes.of(tmp_path).faults]
    assert names == ["harmless", "refused-in-the-end", "beyond_repair"]


def test_caches_that_disagree_in_the_end_are_found(transactional_db: None, settings: Settings) -> None:
    settings.CACHE_FENCE_SECONDS = 60
    with stepped() as relay:
        first, _ = fill([Status.SUBMITTED, Status.SUBMITTED])
        relay.settle()
        settings.CACHE_FENCE_SECONDS = 0.01  # so the audit looks again at once
        assert caches_agree().broken == 0
        assert relay_connection().hdel(BOARD.partition.key("meta"), first)
        finding = caches_agree()
    assert (finding.tried, finding.broken) == (2, 1), finding.examples
    assert first in finding.examples[0]
