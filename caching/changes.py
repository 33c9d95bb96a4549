"""The change log in PostgreSQL: what the triggers wrote, and what of it is still to be applied."""

from dataclasses import dataclass, field

from django.db import connection

#: Rows read at once: a long backlog goes in batches.
READ_BATCH = 5000


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the log. ``key`` is None for a TRUNCATE; states are those before and after."""

    id: int
    table: str
    key: str | None
    version: int
    old_state: str | None
    new_state: str | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Which transactions were over: those before ``next`` except the ``running`` ones."""

    next: str = "0"
    running: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, text: str) -> "Snapshot":
        """PostgreSQL's own spelling: oldest running, next to begin, those running between them."""
        _oldest, following, running = text.split(":")
        return cls(following, running.split(",") if running else [])


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is visible now: changes, whether there are more than one batch, and to which snapshot."""

    changes: list[Change]
    more: bool
    seen: Snapshot


class ChangeLog:
    """Reads the log by the set of rows visible, never by "id > the last one": ids commit out of order.

    All on Django's connection of this thread, which is the relay's alone.
    """

    def __init__(self) -> None:
        self._over = Snapshot()

    def waiting(self) -> Waiting:
        """The changes visible now, in one round trip.

        What was over when the last pass looked has been deleted since. It is not looked at again, for the
        index may be full of it: dead rows stay for as long as somebody's long transaction could see them.
        """
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_current_snapshot()::text, log.* FROM (VALUES (1)) AS one LEFT JOIN ("
                " SELECT id, source, key, version, old_state, new_state FROM caching_change"
                " WHERE xid >= %s::text::xid8 OR xid = ANY(%s::text[]::xid8[]) ORDER BY xid, id LIMIT %s"
                ") AS log ON true",
                [self._over.next, self._over.running, READ_BATCH + 1],
            )
            rows = cursor.fetchall()
        changes = [Change(*row[1:]) for row in rows if row[1] is not None]
        return Waiting(changes[:READ_BATCH], len(changes) > READ_BATCH, Snapshot.parse(rows[0][0]))

    def delete(self, waiting: Waiting) -> None:
        """Delete exactly the changes that every partition has acknowledged."""
        if waiting.changes:
            with connection.cursor() as cursor:
                cursor.execute(
                    "DELETE FROM caching_change WHERE id = ANY(%s)",
                    [[change.id for change in waiting.changes]],
                )
        if not waiting.more:
            self._over = waiting.seen


def backlog() -> int:
    """How many changes wait for the relay."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM caching_change")
        return int(cursor.fetchone()[0])
