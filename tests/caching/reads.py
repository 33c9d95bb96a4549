"""How did a cached read come to its answer, and did it ask PostgreSQL for the rows it shows?"""

import json
from typing import Any

from django.db import connection
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


def read_order(client: ApiClient, number: str, status: int = 200, **headers: str) -> tuple[Any, str]:
    """An order through the API: its JSON (the problem document, None for a 304), and Cache-Status."""
    answer = client.get(f"/api/v1/shop/orders/{number}/", headers=headers)
    assert answer.status_code == status, answer.content
    return (json.loads(answer.content) if answer.content else None), answer["Cache-Status"]
