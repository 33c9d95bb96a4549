"""Does a payload look as it did? One that comes out differently needs another ``payload_version``, so that
two releases never read each other's rows; raise it, and write down what it looks like now:

    UPDATE_GOLDEN=1 pytest tests/caching/test_golden_payloads.py
"""

import json
import os
from collections import namedtuple
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from accounts.caches import SESSIONS, TOKENS
from caching.declared import Declared
from events.vocabulary import Status
from mes.caches import BOARD
from shop.caches import ORDERS

FOLDER = Path(__file__).parent / "golden"
MOMENT = datetime(2026, 2, 3, 4, 5, 6, 789012, tzinfo=UTC)
MODEL = {"name": "Ring \u201eя\u201c.stl", "size": 684, "sha256": "ab" * 32, "kind": "stl", "more": 1}
USER = {
    "user_id": 7, "user__username": "olga", "user__first_name": "Olga", "user__last_name": "Berg",
    "user__email": "olga@example.com", "user__is_active": True, "user__is_staff": True,
    "user__is_superuser": False, "user__language": "ru", "user__password": "!", "known_roles": ["operators"],
}  # fmt: skip
ORDER = {
    "number": "A-0000000Z", "title": 'Кольцо "d\'or" \U0001f48d', "material": "gold_585", "quantity": 3,
    "price": Decimal("120.50"), "currency": "EUR", "due_date": date(2026, 3, 1), "created_at": MOMENT,
    "updated_at": MOMENT, "version": 3 << 20, "position": 42, "operator_id": 7, "operator_name": "Olga Berg",
    "client_id": 8, "engraving": "à toi", "comment": "\n", "model": MODEL, "price_breakdown": {"metal": "1"},
    "flags": [{"code": "tiny", "detail": "Only 1.3 mm across"}],
}  # fmt: skip
EMPTY = {
    **ORDER, "status": Status.SUBMITTED, "price": None, "due_date": None, "operator_id": None,
    "operator_name": "", "model": None, "price_breakdown": None, "flags": [],
}  # fmt: skip
ORDERS_OF_EACH_STATUS = [*({**ORDER, "status": status} for status in Status), EMPTY]
#: For each cache rows that differ in everything its payload may show.
ROWS: dict[Declared[Any], list[dict[str, Any]]] = {
    BOARD: ORDERS_OF_EACH_STATUS,
    ORDERS: ORDERS_OF_EACH_STATUS,
    TOKENS: [
        {**USER, "digest": "cd" * 32, "revoked_at": revoked, "expires_at": expires, "version": 1 << 20}
        for revoked, expires in ((None, None), (MOMENT, MOMENT))
    ],
    SESSIONS: [
        {**USER, "session_key": "ef" * 32, "session_data": "data", "expire_date": MOMENT, "version": 1 << 20},
        {
            **dict.fromkeys(USER), "known_roles": [], "session_key": "ef" * 32, "session_data": "data",
            "expire_date": MOMENT, "version": 1 << 20,
        },
    ],
}  # fmt: skip


def rendered(cache: Declared[Any]) -> list[Any]:
    """What its rows look like."""
    make: Any = namedtuple("Row", cache.columns)
    rows = [make(**{name: row[name] for name in cache.columns}) for row in ROWS[cache]]
    return [json.loads(cache.payload(row)) for row in rows]


@pytest.mark.parametrize("cache", ROWS, ids=lambda cache: cache.name)
def test_a_payload_that_looks_otherwise_has_another_version(cache: Declared[Any], settings: Any) -> None:
    settings.SECRET_KEY = "golden"
    path = FOLDER / f"{cache.name}.v{cache.payload_version}.json"
    if "UPDATE_GOLDEN" in os.environ:
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(rendered(cache), ensure_ascii=False, indent=1) + "\n")
    assert path.exists(), f"no golden payloads of {path.name}: see this file's first lines"
    assert rendered(cache) == json.loads(path.read_text()), f"raise payload_version of {cache.name}"


def test_every_cache_has_golden_payloads() -> None:
    assert {cache.name for cache in Declared.registry} == {cache.name for cache in ROWS}
    assert {path.name for path in FOLDER.glob("*.json")} == {
        f"{cache.name}.v{cache.payload_version}.json" for cache in ROWS
    }
