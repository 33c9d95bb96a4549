"""How did a cached read come to its answer, and did it ask PostgreSQL for the rows it shows?"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.test.utils import CaptureQueriesContext

from tests.clients import ApiClient

HIT, STORED = "shop-order; hit", "shop-order; fwd=uri-miss; stored"
CACHED_TABLES = ("shop_order", "mes_workorder")


class Selects(CaptureQueriesContext):
    """Counts the statements of this thread that read a cached table: ``with Selects() as selects``."""

    def __init__(self) -> None:
        super().__init__(connection)

    @property
    def count(self) -> int:
        """How many there have been."""
        read = [query["sql"] for query in self if query["sql"].startswith("SELECT")]
        return sum(any(f'FROM "{table}"' in sql for table in CACHED_TABLES) for sql in read)


@contextmanager
def statements(*words: str) -> Iterator[list[str]]:
    """Each statement with all these words, as it begins, in any thread that connects from now on."""
    seen: list[str] = []

    def note(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if all(word in sql for word in words):
            seen.append(sql)
        return execute(sql, *rest)

    def watch(connection: BaseDatabaseWrapper, **_kwargs: Any) -> None:
        connection.execute_wrappers.append(note)

    connection_created.connect(watch)
    try:
        yield seen
    finally:
        connection_created.disconnect(watch)


def read_order(client: ApiClient, number: str, status: int = 200, **headers: str) -> tuple[Any, str]:
    """An order through the API: its JSON (the problem document, None for a 304), and Cache-Status."""
    answer = client.get(f"/api/v1/shop/orders/{number}/", headers=headers)
    assert answer.status_code == status, answer.content
    return (json.loads(answer.content) if answer.content else None), answer["Cache-Status"]
