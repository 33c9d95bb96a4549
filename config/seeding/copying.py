"""How do many rows get into a table fast? By PostgreSQL's COPY, in its text format."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, models

NULL = r"\N"
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def as_text(value: Any) -> str:
    """A value as COPY reads it."""
    return NULL if value is None else str(value).translate(_ESCAPES)


@dataclass(frozen=True)
class Copy:
    """Rows on their way into a table, as text."""

    model: type[models.Model]
    columns: Sequence[str]
    text: str

    @classmethod
    def of(cls, model: type[models.Model], columns: Sequence[str], rows: Iterable[Iterable[str]]) -> "Copy":
        """Rows to add, their values in the order of the columns and each as :func:`as_text` gives it.

        Triggers fire and constraints hold as with INSERT; columns that are not named take their defaults.
        """
        return cls(model, columns, "".join(f"{line}\n" for line in map("\t".join, rows)))

    def write(self) -> None:
        """Add the rows, if there are any."""
        if not self.text:
            return
        with connection.cursor() as cursor:
            cursor.copy_expert(
                f"COPY {self.model._meta.db_table} ({', '.join(self.columns)}) FROM STDIN",
                io.StringIO(self.text),
                len(self.text) + 1,  # read at one gulp: each further one would wait for other threads
            )


def take_ids(model: type[models.Model], count: int) -> list[int]:
    """Fresh primary keys, drawn from the table's own sequence in ascending order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [model._meta.db_table, count],
        )
        return [row[0] for row in cursor.fetchall()]
