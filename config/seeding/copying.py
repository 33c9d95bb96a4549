"""How do many rows get into a table fast? By PostgreSQL's COPY."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, models


@dataclass(frozen=True)
class Copy:
    """Rows on their way into a table, as text."""

    model: type[models.Model]
    columns: tuple[str, ...]
    text: str

    @classmethod
    def of(cls, model: type[models.Model], rows: Iterable[Mapping[str, Any]]) -> "Copy":
        """Rows to add: mappings of the same columns in the same order, to None or what ``str`` makes text of.

        Triggers fire and constraints hold as with INSERT; columns that are not named take their defaults.
        """
        rows = list(rows)
        text = io.StringIO()
        csv.writer(text).writerows(row.values() for row in rows)
        return cls(model, tuple(rows[0]) if rows else (), text.getvalue())

    def write(self) -> None:
        """Add the rows."""
        if not self.columns:
            return
        # CSV writes NULL and the empty string alike: in a column that can't be NULL it is the latter.
        fields = self.model._meta.fields
        filled = [field.column for field in fields if field.column in self.columns and not field.null]
        with connection.cursor() as cursor:
            cursor.copy_expert(
                f"COPY {self.model._meta.db_table} ({', '.join(self.columns)}) FROM STDIN "
                f"WITH (FORMAT csv, FORCE_NOT_NULL ({', '.join(filled)}))",
                io.StringIO(self.text),
                len(self.text),  # read at one gulp: each further one would wait for other threads
            )


def take_ids(model: type[models.Model], count: int) -> list[int]:
    """Fresh primary keys, drawn from the table's own sequence in ascending order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [model._meta.db_table, count],
        )
        return [row[0] for row in cursor.fetchall()]
