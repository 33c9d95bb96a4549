"""A table without its constraints, for rows that only somebody who took them away can have written."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def unconstrained(table: str) -> Iterator[None]:
    """No CHECK holds there for as long as the block lasts; the rows it leaves are not checked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND contype = 'c'",
            [table],
        )
        checks = cursor.fetchall()
        for name, _definition in checks:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        try:
            yield
        finally:
            for name, definition in checks:
                check = definition.removesuffix(" NOT VALID")
                cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {check} NOT VALID")
