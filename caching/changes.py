"""The change log in PostgreSQL: what the triggers wrote, and what of it is still to be applied."""

from dataclasses import dataclass

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
class Waiting:
    """What is visible now: changes, oldest first, and whether there are more than one batch."""

    changes: list[Change]
    more: bool


class ChangeLog:
    """Reads the log by the set of rows visible, never by "id > the last one": ids commit out of order.

    All on Django's connection of this thread, which is the relay's alone.
    """

    def __init__(self) -> None:
        # Every transaction below was over, and its rows were deleted, when the last pass looked: the index
        # need not be walked there, where a long snapshot of somebody else may hold dead rows.
        self._floor = 0
        self._next_floor = 0

    def waiting(self) -> Waiting:
        """The changes visible now."""
        with connection.cursor() as cursor:
            # The snapshot's own oldest transaction, read no later than the rows.
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            self._next_floor = cursor.fetchone()[0]
            cursor.execute(
                "SELECT id, source, key, version, old_state, new_state FROM caching_change"
                " WHERE xid >= %s::text::xid8 ORDER BY xid, id LIMIT %s",
                [str(self._floor), READ_BATCH + 1],
            )
            rows = [Change(*row) for row in cursor.fetchall()]
        return Waiting(rows[:READ_BATCH], len(rows) > READ_BATCH)

    def delete(self, waiting: Waiting) -> None:
        """Delete exactly the changes that every partition has acknowledged."""
        if waiting.changes:
            with connection.cursor() as cursor:
                cursor.execute(
                    "DELETE FROM caching_change WHERE id = ANY(%s)",
                    [[change.id for change in waiting.changes]],
                )
        if not waiting.more:
            self._floor = self._next_floor


def backlog() -> int:
    """How many changes wait for the relay."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM caching_change")
        return int(cursor.fetchone()[0])
