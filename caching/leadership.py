"""Which relay leads: the one whose PostgreSQL session holds an advisory lock, for as long as it is alive."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from django.conf import settings
from django.db import DatabaseError, Error, connection
from redis.exceptions import RedisError

from caching.lines import Line, installation, line, parse
from caching.redis import relay_connection

# Two halves of one advisory lock's name: the letters of "cache" and the lock's number.
LOCK: Final = (0x63616368, 1)
#: Part of B after which a leader's session is asked whether it is alive.
ASK_PART: Final = 0.125


class NotLeading(Exception):
    """The session that held the lock is gone, or another relay has it."""


class Leadership:
    """Proof of leadership: the very session that took the lock is alive, and is the one that is used."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._asked_at = time.monotonic()

    def prove(self, *, now: bool = False) -> None:
        """Raise :class:`NotLeading`, or what PostgreSQL raises, unless this relay still leads.

        PostgreSQL is asked ``now``, or if it was not for a part of B: so the session does not idle while
        Redis is slow, and a process that was frozen learns that its time is over.
        """
        if connection.connection is not self._session:  # Django has opened another
            raise NotLeading("the session that held the leadership is gone")
        if now or time.monotonic() - self._asked_at > ASK_PART * settings.CACHE_FENCE_SECONDS:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            self._asked_at = time.monotonic()
            say_who_keeps()


def say_who_keeps() -> None:
    """Leave word in Redis, for B, that the relay of this line keeps this installation's caches; unless that
    of another does, which ours gives way to."""
    with suppress(RedisError):
        if keeper_before(line()) is None:
            relay_connection().set(_keeper(), str(line()), px=int(settings.CACHE_FENCE_SECONDS * 1000))


def keeper_before(ours: Line) -> Line | None:
    """The other line whose relay has left word last, no longer than B ago, if ours doesn't outlive it."""
    told: Any = relay_connection().get(_keeper())
    keeper = parse(told.decode()) if told else None
    return None if keeper is None or keeper == ours or ours.outlives(keeper) else keeper


def _keeper() -> str:
    return f"{{caching.{installation()}}}:keeper"


@contextmanager
def leadership() -> Iterator[Leadership]:
    """Lead until the block ends. Raises :class:`NotLeading` when another relay does.

    PostgreSQL ends a session that idles longer than B, so a leader that was frozen (SIGSTOP, a stuck
    network) loses session and lock at once, and finds out at its next statement.
    """
    connection.close()
    connection.ensure_connection()
    try:
        with connection.cursor() as cursor:
            limit = f"{settings.CACHE_FENCE_SECONDS}s"
            cursor.execute("SET application_name = 'relay'")
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", LOCK)
            if not cursor.fetchone()[0]:
                raise NotLeading("another relay leads")
            cursor.execute("SELECT set_config('idle_session_timeout', %s, false)", [limit])
            cursor.execute("SELECT set_config('idle_in_transaction_session_timeout', %s, false)", [limit])
        yield Leadership(connection.connection)
        with suppress(Error), connection.cursor() as cursor:  # the next may lead before this session is gone
            cursor.execute("SELECT pg_advisory_unlock_all()")
    finally:
        with suppress(DatabaseError):  # it may be gone already
            connection.close()
