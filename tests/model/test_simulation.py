"""Does the simulated PostgreSQL see, log and lock as the real one does?"""

from typing import Any
from unittest.mock import patch

import psycopg2
import pytest
from django.db import OperationalError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.model.servers import Real, Simulated, both

pytestmark = pytest.mark.django_db(transaction=True)

keys = st.sampled_from("AAB")
sessions = st.integers(0, 1)
steps = st.one_of(
    st.tuples(st.sampled_from(("edit", "edit", "move", "delete")), sessions, keys),
    st.tuples(st.sampled_from(("begin", "begin repeatable", "commit", "commit", "rollback")), sessions),
    st.tuples(st.sampled_from(("poll", "poll and delete", "recount", "truncate"))),
)


@settings(
    derandomize=True, max_examples=40, deadline=None, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@example(
    [
        ("begin", 0), ("edit", 0, "A"), ("begin", 1), ("edit", 1, "B"), ("commit", 1),
        ("poll and delete",), ("commit", 0), ("poll",),
    ]
)  # fmt: skip
@given(st.lists(steps, min_size=10, max_size=25))
def test_both_show_log_and_count_the_same_whatever_overlaps(story: list[tuple[Any, ...]]) -> None:
    with both() as (real, simulated), patch("caching.changes.READ_BATCH", 3):
        for step in filter(simulated.allows, story):
            assert take(simulated, step) == take(real, step), step
            for number in range(2):
                assert simulated.seen(number) == real.seen(number), step


def take(server: Real | Simulated, step: tuple[Any, ...]) -> Any:
    """Take a step; what the relay saw, if it looked."""
    match step:
        case ["poll" | "poll and delete" as what]:
            return server.relay(lambda relayed: relayed.poll(delete="delete" in what))
        case ["recount"]:
            return server.relay(lambda relayed: relayed.recount())
        case ["truncate"]:
            return server.truncate()
        case ["begin" | "begin repeatable" as what, number]:
            return server.begin(number, repeatable="repeatable" in what)
        case ["commit" | "rollback" as how, number]:
            return server.end(number, how)
        case [operation, number, key]:
            return server.write(number, key, operation)


@pytest.mark.parametrize("number", [0, 1])
def test_one_session_holds_the_lock_until_it_has_idled_too_long(number: int) -> None:
    lock = "SELECT pg_try_advisory_lock(%s, %s)", 1, 2
    with both() as servers:
        server = servers[number]
        assert server.execute(0, *lock)
        assert server.execute(0, *lock)
        assert not server.execute(1, *lock)
        server.execute(0, "SELECT set_config('idle_session_timeout', %s, false)", "0.2s")
        assert server.execute(0, "SELECT 1") == 1
        server.wait_for_end(0)
        assert server.execute(1, *lock)
        with pytest.raises((OperationalError, psycopg2.OperationalError)):
            server.execute(0, "SELECT 1")
