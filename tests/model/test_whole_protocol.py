"""Does the whole protocol keep its promise among the model's faults, in a fixed number of examples?"""

from tests.model.hunting import hunt

EXAMPLES = 50


def test_no_fault_makes_a_hit_older_than_b() -> None:
    prey = hunt(None, seed_number=1, examples=EXAMPLES)
    assert not prey.sequence, f"{prey.story}\n{prey.violation}\n{prey.sequence}"
    # Faults shall not have kept everybody from being served by the cache.
    assert prey.steps > 30 * EXAMPLES
    assert prey.hits["rows"] > 30 * EXAMPLES
    assert prey.hits["pages"] > 30 * EXAMPLES
    assert prey.hits["counts"] > 10 * EXAMPLES
    # And who polls shall have been told often enough that what it has still holds.
    assert prey.hits["rows proven"] > 10 * EXAMPLES
    assert prey.hits["pages proven"] > 10 * EXAMPLES
    assert prey.hits["counts proven"] > 10 * EXAMPLES
