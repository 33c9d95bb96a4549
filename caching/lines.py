"""Which database is this? A cache is true of one history of one database, and of no other.

The *installation* is a random token that a migration has written: two sites on one Redis never meet. A copy
of the database (a restored dump, a revived old primary) has the same token; so the *line* tells them apart:
the server's cluster, the database in it, and the timeline, which each failover and restore begins anew.
"""

import math
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, ProgrammingError, connection
from django.db.backends.signals import connection_created

_ASK = """
SELECT (SELECT token FROM caching_installation), (SELECT system_identifier FROM pg_control_system())::text,
    (SELECT oid FROM pg_database WHERE datname = current_database())::text,
    CASE WHEN pg_is_in_recovery() THEN '0' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END
"""


@dataclass(frozen=True)
class Line:
    """One history of one database; ``timeline`` in hexadecimal, the later the larger."""

    cluster: str
    database: str
    timeline: str

    def __str__(self) -> str:
        return f"{self.cluster}/{self.database}/{self.timeline}"

    @cached_property
    def mark(self) -> str:
        """Eight digits that each epoch of its relay ends with."""
        return blake2b(str(self).encode(), digest_size=4).hexdigest()

    def outlives(self, other: "Line") -> bool:
        """Whether the other is what this one was before a failover."""
        same = (self.cluster, self.database) == (other.cluster, other.database)
        return same and self.timeline > other.timeline


@dataclass
class _Home:
    """What this process knows of its database: as the connection made last has said."""

    installation: str = ""
    line: Line | None = None
    asked_at: float = -math.inf


_home = _Home()


def installation() -> str:
    """The token of this installation."""
    if not _home.installation:
        learn()
    return _home.installation


def line() -> Line:
    """The line that this process's last connection is of."""
    if _home.line is None:
        learn()
    assert _home.line is not None  # noqa: S101 - learned, or an error was raised
    return _home.line


def learn(on: Any = None) -> None:
    """Ask PostgreSQL, on this connection or the usual one."""
    with (on or connection).cursor() as cursor:
        cursor.execute(_ASK)
        token, *where = cursor.fetchone()
    _home.installation, _home.line = token, Line(*where)


def is_ours(mark: str) -> bool:
    """Whether an epoch with this mark is of the line that this process's connections are of. Before it says
    no it asks PostgreSQL, at most once a second: there may have been a failover."""
    if mark != line().mark and time.monotonic() - _home.asked_at > 1:
        _home.asked_at = time.monotonic()
        with suppress(DatabaseError, InterfaceError):  # lost: whoever asks next opens another
            learn()
    return mark == line().mark


def parse(text: str) -> Line | None:
    """A line as it was written down; None for anything else."""
    parts = text.split("/")
    return Line(*parts) if len(parts) == 3 else None


def watch() -> None:
    """From now on each new connection says of which line it is: it may be to another server than the last."""
    connection_created.connect(_connected, dispatch_uid="caching.lines")


def _connected(connection: Any, **_kwargs: Any) -> None:
    if connection.alias == DEFAULT_DB_ALIAS:
        with suppress(ProgrammingError):  # before the first migration
            learn(connection)
