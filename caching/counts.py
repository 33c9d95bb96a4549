"""How many rows of a board stand in each state, exactly, without ever counting them on a page view."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from django.db import connection

from caching.board import BoardCache
from caching.changes import Change


class Counts:
    """Counted once by GROUP BY; from then on each change adds its old and new state once."""

    def __init__(self, cache: BoardCache[Any]) -> None:
        self._cache = cache
        self._table = cache.model._meta.db_table
        self._by_state: Counter[str] = Counter()
        # Changes that are in the numbers but not yet deleted from the log: they will be read again.
        self._counted: set[int] = set()

    def recount(self) -> None:
        """Count from the table, and learn in the same statement which changes the count has seen."""
        column = connection.ops.quote_name(self._cache.model._meta.get_field(self._cache.keep_facet).column)
        table = connection.ops.quote_name(self._table)
        count = f"SELECT {column} AS state, count(*) AS rows FROM {table} GROUP BY 1"  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT (SELECT coalesce(json_object_agg(state, rows), '{{}}') FROM ({count}) AS by_state),"  # noqa: S608
                " (SELECT coalesce(array_agg(id), '{}') FROM caching_change WHERE source = %s)",
                [self._table],
            )
            by_state, seen = cursor.fetchone()
        self._by_state = Counter(by_state if isinstance(by_state, dict) else json.loads(by_state))
        self._counted = set(seen)

    def add(self, changes: Iterable[Change]) -> None:
        """Add each change that is not in the numbers yet."""
        for change in changes:
            if change.table != self._table or change.id in self._counted:
                continue
            self._counted.add(change.id)
            if change.old_state is not None:
                self._by_state[change.old_state] -= 1
            if change.new_state is not None:
                self._by_state[change.new_state] += 1

    def forget(self, changes: Iterable[Change]) -> None:
        """The changes are deleted from the log and can't be read again."""
        self._counted.difference_update(change.id for change in changes)

    def published(self) -> str:
        """The numbers as the relay puts them into Redis: JSON, the same text for the same numbers."""
        return json.dumps({state: rows for state, rows in sorted(self._by_state.items()) if rows})
