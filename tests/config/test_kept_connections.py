"""Is a kept connection to PostgreSQL known to be dead without a statement?"""

import pytest
from django.db import connection

from tests.threads import until

pytestmark = pytest.mark.django_db(transaction=True)


def ask() -> int:
    """The number of the server's process that answers, after the health check of a new request."""
    connection.health_check_done = False
    connection.health_check_enabled = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def test_one_that_lives_is_asked_nothing() -> None:
    own, other = ask(), connection.copy()
    assert ask() == own
    connection.health_check_done = False
    connection.ensure_connection()
    connection.close_if_health_check_failed()
    with other.cursor() as cursor:
        cursor.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", [own])
        assert cursor.fetchone()[0] == "SELECT pg_backend_pid()"
    other.close()


def test_one_that_the_server_has_ended_is_replaced() -> None:
    own, other = ask(), connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [own])
    other.close()
    until(lambda: not connection.is_usable())
    assert ask() != own


def test_one_that_is_closed_is_not_usable() -> None:
    ask()
    connection.connection.close()
    assert not connection.is_usable()
    connection.close()
    assert not connection.is_usable()
