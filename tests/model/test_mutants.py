"""Is each safeguard needed? Without it the sequence that the machine has found for it breaks the promise."""

import pytest

from tests.model.hunting import hunt, replay
from tests.model.mutation import Mutant
from tests.model.safeguards import MUTANTS
from tests.model.sequences import FOLDER, load, path_of

each_mutant = pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)


@each_mutant
def test_its_sequence_shows_the_mutant(mutant: Mutant) -> None:
    assert replay(load(mutant.name), mutant).violation


@each_mutant
def test_its_sequence_is_harmless_to_the_whole_protocol(mutant: Mutant) -> None:
    prey = replay(load(mutant.name))
    assert not prey.violation, prey.story


def test_no_sequence_is_left_of_a_mutant_that_is_no_more() -> None:
    assert set(FOLDER.glob("*.json")) == {path_of(mutant.name) for mutant in MUTANTS}


def test_a_hunt_finds_a_mutant_by_itself() -> None:
    (mutant,) = (mutant for mutant in MUTANTS if mutant.name == "fence, rows")
    prey = hunt(mutant, seed_number=1, examples=100)
    assert prey.violation
    assert replay(prey.sequence, mutant).violation
