"""What does somebody in psql do beside the site: lock, alter, copy?"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg2
from django.conf import settings
from django.db import connection
from psycopg2.errors import DeadlockDetected, LockNotAvailable

from accounts.models import User
from shop import services
from tests.threads import until

#: The title of an order that nobody reads.
SPARE = "Spare"
_HERE = urlsplit(settings.DATABASE_URL)
#: Where the copy of the site's database is.
COPY = _HERE._replace(path=f"{_HERE.path}_copy")


def set_aside() -> None:
    """Make the copy and the spare order, before the site is started: a database is copied only while nobody
    is connected to it."""
    client, _ = User.objects.get_or_create(username="spare")
    services.order_create(client=client, title=SPARE, material="brass", quantity=1)
    connection.close()
    copy, original = COPY.path.strip("/"), _HERE.path.strip("/")
    _execute(_HERE._replace(path="/postgres").geturl(), f"DROP DATABASE IF EXISTS {copy}")
    _execute(_HERE._replace(path="/postgres").geturl(), f"CREATE DATABASE {copy} TEMPLATE {original}")


@contextmanager
def psql() -> Iterator[Any]:
    """The cursor of a transaction of its own, committed at the end."""
    with closing(psycopg2.connect(settings.DATABASE_URL)) as session, session, session.cursor() as cursor:
        yield cursor


def ask(statement: str, *values: Any) -> Any:
    """The first row of its answer."""
    with psql() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()


def alter(statement: str) -> None:
    """Execute what locks a whole table; others are let by while it waits for that."""

    def is_done() -> bool:
        try:
            _execute(settings.DATABASE_URL, "SET lock_timeout = '200ms'", statement)
        except (LockNotAvailable, DeadlockDetected):
            return False
        return True

    until(is_done)


def _execute(url: str, *statements: str) -> None:
    with closing(psycopg2.connect(url)) as session:
        session.autocommit = True
        with session.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
