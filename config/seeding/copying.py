"""How do many rows get into a table fast? By PostgreSQL's COPY, in its text format."""

import io
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import connection, models

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def copy_rows(model: type[models.Model], rows: Iterable[Mapping[str, Any]]) -> None:
    """Add rows, each a mapping of the same columns in the same order; None is NULL, other values are text.

    Triggers fire and constraints hold as with INSERT; columns that are not named take their defaults.
    """
    rows = iter(rows)
    if (first := next(rows, None)) is None:
        return
    text = io.StringIO()
    for row in (first, *rows):
        text.write("\t".join(map(_field, row.values())))
        text.write("\n")
    text.seek(0)
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {model._meta.db_table} ({', '.join(first)}) FROM STDIN", text)


def take_ids(model: type[models.Model], count: int) -> list[int]:
    """Fresh primary keys, drawn from the table's own sequence in ascending order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
            [model._meta.db_table, count],
        )
        return [row[0] for row in cursor.fetchall()]


def _field(value: Any) -> str:
    return r"\N" if value is None else str(value).translate(_ESCAPES)
