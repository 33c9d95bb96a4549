"""Triggers that give a cached row a new version when a row that it depends on changes.

The cached row points to an *owner* (a token to its user), and shows columns of the owner and of rows around
it (memberships, groups). Whoever changes one of these columns touches every row of that owner, in the same
transaction: a new version, and so a line in the change log, as if the cached row itself had been changed.

A row that begins to point to an owner meanwhile is not visible to that transaction yet, and has perhaps been
rendered with the owner as it was. So it locks the owner (FOR SHARE), and who touches locks the owner too: one
of them waits for the other to end. That is enough under READ COMMITTED, where each statement sees what was
committed before it. Under a stricter isolation the touch can't see the new row even then, and logs
"everything may have changed" besides, as a TRUNCATE does.
"""

from dataclasses import dataclass
from typing import Any

import pgtrigger

from caching.triggers import CallTrigger, LogSql


@dataclass(frozen=True)
class Touched:
    """Tables with cached rows, as (table, column that points to the owner), and the owners' table."""

    owners: str
    rows: tuple[tuple[str, str], ...]

    def log_everything(self) -> str:
        """SQL that logs that every row may have changed."""
        values = ", ".join(f"('{table}', NULL, 0, NULL, NULL)" for table, _column in self.rows)
        return f"INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES {values};"  # noqa: S608

    def touch(self, changed: str) -> str:
        """SQL that touches the rows of the owners whose ids the query ``changed`` selects."""
        updates = " ".join(
            f"UPDATE {table} SET version = version WHERE {column} = ANY (owners);"  # noqa: S608
            for table, column in self.rows
        )
        return (
            f"owners := ARRAY(SELECT DISTINCT changed.id FROM ({changed}) AS changed (id));"  # noqa: S608
            " IF current_setting('transaction_isolation') <> 'read committed' THEN"
            f" {self.log_everything()} END IF;"
            " IF owners = '{}' THEN RETURN NULL; END IF;"
            f" PERFORM FROM {self.owners} WHERE id = ANY (owners) ORDER BY id FOR NO KEY UPDATE;"
            f" {updates}"
        )


class TouchSql(LogSql):
    """A function that collects owners in an array."""

    def get_template(self) -> str:
        """The function with its variable, then the trigger."""
        return super().get_template().replace("BEGIN\n", "DECLARE owners bigint[];\n            BEGIN\n", 1)


class TouchTrigger(CallTrigger):
    """After a statement: touches the rows of the owners that ``changed`` selects, a query that may read the
    transition tables ``old_rows`` and ``new_rows``."""

    sql_class = TouchSql
    when = pgtrigger.After
    level = pgtrigger.Statement

    def __init__(self, operation: Any, touched: Touched, changed: str) -> None:
        self.touched, self.changed = touched, changed
        tables = {"old": "old_rows", "new": "new_rows"}
        if str(operation) == "INSERT":
            del tables["old"]
        elif str(operation) == "DELETE":
            del tables["new"]
        referencing = pgtrigger.Referencing(**tables)  # type: ignore[no-untyped-call]
        super().__init__(name=f"touch_{str(operation).lower()}", operation=operation, referencing=referencing)

    def sql(self, model: Any) -> str:
        """The statements that touch."""
        return self.touched.touch(self.changed)


class TouchAll(CallTrigger):
    """After a TRUNCATE: everything may have changed."""

    sql_class = LogSql
    name = "touch_truncate"
    when = pgtrigger.After
    operation = pgtrigger.Truncate
    level = pgtrigger.Statement

    def __init__(self, touched: Touched) -> None:
        self.touched = touched
        super().__init__()

    def sql(self, model: Any) -> str:
        """The statement that logs it."""
        return self.touched.log_everything()


class OwnerLockSql(LogSql):
    """A function that lets the row pass."""

    def get_template(self) -> str:
        """The function, then the trigger."""
        return super().get_template().replace("RETURN NULL;", "RETURN NEW;", 1)


class OwnerLock(CallTrigger):
    """Before a row begins to point to an owner: locks the owner, so that nobody changes it unseen meanwhile.

    One that points to it already can be seen, and waits for nobody: it would wait with its own lock held,
    for somebody who is about to touch it.
    """

    sql_class = OwnerLockSql
    name = "owner_lock"
    when = pgtrigger.Before

    def __init__(self, *, owners: str, column: str) -> None:
        self.owners, self.column = owners, column
        super().__init__(operation=pgtrigger.Insert | pgtrigger.UpdateOf(column))  # type: ignore[no-untyped-call]

    def sql(self, model: Any) -> str:
        """The statement that locks."""
        return (
            f"IF TG_OP = 'INSERT' OR OLD.{self.column} IS DISTINCT FROM NEW.{self.column} THEN"
            f" PERFORM FROM {self.owners} WHERE id = NEW.{self.column} FOR SHARE; END IF;"
        )


def changed_columns(columns: tuple[str, ...], select: str = "id") -> str:
    """The query for an UPDATE's trigger: ``select`` of the rows of which one of the columns changed.

    EXCEPT hashes or sorts; a join of the two tables might be planned as a nested loop.
    """
    shown = ", ".join(dict.fromkeys(["id", *columns]))
    return f"SELECT {select} FROM (SELECT {shown} FROM new_rows EXCEPT SELECT {shown} FROM old_rows) AS rows"  # noqa: S608
