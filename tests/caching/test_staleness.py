"""Does the checker find each stale read, judge it by the right moment, and take no honest read for one?"""

import pytest

from tests.caching.staleness import Ledger, Read

B = 2.0


@pytest.fixture
def ledger() -> Ledger:
    """A row's three versions, committed at 10, 11 and 15 s, noted out of order as threads do."""
    ledger = Ledger()
    ledger.writes["A-1"] += [(3, 15.0), (1, 10.0), (2, 11.0)]
    return ledger


def read(ledger: Ledger, began: float, shown: int, how: str = "shop-order; hit", key: str = "A-1") -> None:
    ledger.reads.append(Read(began, began + 0.01, how, {key: shown}))


@pytest.mark.parametrize(("began", "shown"), [
    (10.5, 1),  # the newest
    (12.9, 1),  # older by less than B
    (16.9, 2),
    (10.9, 2),  # its COMMIT had not returned yet
    (99.0, 3),
    (99.0, 4),  # a version whose writer has not noted it yet
])  # fmt: skip
def test_an_honest_read_is_not_stale(ledger: Ledger, began: float, shown: int) -> None:
    read(ledger, began, shown)
    assert ledger.stale(B) == []


@pytest.mark.parametrize(("began", "shown", "age"), [
    (13.1, 1, 2.1),
    (20.0, 1, 9.0),  # since the first newer version, not since the last
    (17.5, 2, 2.5),
    (12.1, 0, 2.1),  # from before the first version noted
])  # fmt: skip
def test_a_planted_stale_read_is_found_with_its_age(
    ledger: Ledger, began: float, shown: int, age: float
) -> None:
    read(ledger, 10.5, 1)
    read(ledger, began, shown)
    read(ledger, 99.0, 3)
    (stale,) = ledger.stale(B)
    assert (stale.key, stale.shown, stale.read.began) == ("A-1", shown, began)
    assert stale.age == pytest.approx(age)
    assert ledger.oldest() == pytest.approx(age)


def test_of_a_page_the_one_stale_row_is_found(ledger: Ledger) -> None:
    ledger.writes["A-2"] += [(7, 10.0), (8, 11.0)]
    ledger.reads.append(Read(20.0, 20.1, "mes-board; hit", {"A-1": 3, "A-2": 7, "A-3": 5}))
    assert [stale.key for stale in ledger.stale(B)] == ["A-2"]


def test_a_row_that_nobody_has_written_is_never_stale(ledger: Ledger) -> None:
    read(ledger, 99.0, 1, key="A-9")
    assert ledger.stale(0) == []
    assert ledger.oldest() == 0


def test_hits_and_times_are_those_of_the_reads_begun_in_the_time_asked_for(ledger: Ledger) -> None:
    for began, how in ((1.0, "hit"), (2.0, "fwd=bypass"), (3.0, "hit"), (4.0, "hit")):
        ledger.reads.append(Read(began, began * 1.5, f"mes-board; {how}", {}))
    assert ledger.hit_rate() == 0.75
    assert ledger.hit_rate(2.0, 4.0) == 0.5
    assert ledger.hit_rate(50.0) == 0
    assert ledger.percentile(0.99) == 2.0
    assert ledger.percentile(0.99, until=3.0) == 1.0
