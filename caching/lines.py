"""Which database is this? A cache is true of one history of one database, and of no other.

The *installation* is a random token that a migration has written: two sites on one Redis never meet. A copy
of the database (a restored dump, a cloned disk, a revived old primary) has the same token; so the *line*
tells them apart: the server's cluster, the database in it, the timeline, which each failover and restore
begins anew, and the moment the server was started, for two copies may count their timelines alike.
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
from psycopg2.errors import UndefinedTable

_ASK = """
SELECT (SELECT token FROM caching_installation), (SELECT system_identifier FROM pg_control_system())::text,
    (SELECT oid FROM pg_database WHERE datname = current_database())::text,
    CASE WHEN pg_is_in_recovery() THEN '0' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END,
    extract(epoch FROM pg_postmaster_start_time())::text
"""


@dataclass(frozen=True)
class Line:
    """One history of one database; ``timeline`` in hexadecimal, the later the larger; ``started`` in seconds
    since 1970."""

    cluster: str
    database: str
    timeline: str
    started: str

    def __str__(self) -> str:
        return f"{self.cluster}/{self.database}/{self.timeline}/{self.started}"

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
    """What this process knows of its database: as the connection asked last has said."""

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


def learn(on: Any = None) -> Line:
    """Ask PostgreSQL, on this connection or the thread's own."""
    asked: Any = on or connection
    with asked.cursor() as cursor:
        cursor.execute(_ASK)
        _home.installation, *where = cursor.fetchone()
    _home.line = asked.caching_line = Line(*where)
    return _home.line


def is_read_here(mark: str) -> bool:
    """Whether this thread's connection reads the line with this mark. Others of the process may read another:
    those that were made before or after a failover."""
    at: Line = getattr(connection, "caching_line", None) or learn()
    return mark == at.mark


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
    return Line(*parts) if len(parts) == 4 else None


def watch() -> None:
    """From now on each new connection says of which line it is: it may be to another server than the last."""
    connection_created.connect(_connected, dispatch_uid="caching.lines")


def _connected(connection: Any, **_kwargs: Any) -> None:
    if connection.alias == DEFAULT_DB_ALIAS:
        connection.caching_line = None  # of the server before this one
        try:
            learn(connection)
        except ProgrammingError as error:
            if not isinstance(error.__cause__, UndefinedTable):  # as before the first migration
                raise
