"""Is a cache that can't be kept true refused before anything runs, with a word on how to declare it?"""

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from accounts.models import User
from caching.board import BoardCache
from caching.checks import check_declared_caches
from caching.declared import Declared
from caching.entity import EntityCache
from caching.facets import MOST_VALUES, Facets
from events.vocabulary import UNCLAIMED, Material, Status
from mes.models import WorkOrder
from shop.models import Order

GOOD_ENTITY: dict[str, Any] = {
    "name": "test.orders",
    "status_name": "test-order",
    "model": Order,
    "key": "number",
    "render": lambda order: {"number": order.number},
    "owner": "client_id",
    "ttl": lambda: 60,
}
GOOD_BOARD: dict[str, Any] = {
    "name": "test.board",
    "status_name": "test-board",
    "model": WorkOrder,
    "key": "number",
    "render": lambda order: {"number": order.number},
    "position": "position",
    "facets": Facets({"status": Status.values, "material": Material.values}),
    "keep_facet": "status",
    "keep_values": UNCLAIMED,
    "latest": lambda: 10,
    "most_rows": lambda: 100,
}


@pytest.fixture(autouse=True)
def _a_registry_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test declares is gone with it."""
    monkeypatch.setattr(Declared, "registry", [])


def faults() -> list[str]:
    errors = check_declared_caches()
    assert all(error.hint and error.msg for error in errors)
    return sorted(str(error.id).removeprefix("caching.") for error in errors)


def test_good_declarations_are_accepted() -> None:
    EntityCache(**GOOD_ENTITY)
    BoardCache(**GOOD_BOARD)
    assert faults() == []


def test_two_caches_of_one_name() -> None:
    EntityCache(**GOOD_ENTITY)
    EntityCache(**GOOD_ENTITY)
    assert faults() == ["E001"]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"key": "title"}, ["E002", "E004"]),  # not unique, and changes are logged under another key
        ({"key": "colour"}, ["E002", "E004"]),
        ({"key": "id"}, ["E004"]),
        ({"model": User, "key": "username", "owner": "id"}, ["E003", "E004"]),
        ({"owner": "customer_id"}, ["E005"]),
        ({"owner": "client"}, ["E005"]),  # that is the user's row, not the column
        ({"ttl": lambda: 10}, ["E006"]),
    ],
)
def test_a_cache_of_single_rows(change: dict[str, Any], expected: list[str]) -> None:
    EntityCache(**(GOOD_ENTITY | change))
    assert faults() == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"key": "external_id"}, ["E002", "E004"]),
        ({"position": "quantity"}, ["E007"]),
        ({"position": "shop_version"}, ["E007"]),  # a bigint, but not unique
        ({"facets": Facets({"status": Status.values, "colour": ["red"]})}, ["E008"]),
        ({"keep_values": ["SUBMITTED", "FORGOTTEN"]}, ["E008"]),
        ({"keep_facet": "material", "keep_values": ["brass"]}, ["E004"]),  # but counted by status
        (
            {"facets": Facets({"status": Status.values, "title": [str(n) for n in range(MOST_VALUES + 1)]})},
            ["E009"],
        ),
    ],
)
def test_a_board(change: dict[str, Any], expected: list[str]) -> None:
    BoardCache(**(GOOD_BOARD | change))
    assert faults() == expected


def test_a_table_whose_deletes_are_not_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [trigger for trigger in WorkOrder._meta.triggers if trigger.name != "log_delete"]
    monkeypatch.setattr(WorkOrder._meta, "triggers", kept)
    BoardCache(**GOOD_BOARD)
    assert faults() == ["E004"]


def test_manage_py_check_says_so() -> None:
    EntityCache(**(GOOD_ENTITY | {"ttl": lambda: 1}))
    with pytest.raises(SystemCheckError) as refusal:
        call_command("check", "--tag", "caches")
    assert "(caching.E006) test.orders: a time to live of 1 s is too short." in str(refusal.value)
    assert "HINT: A row must outlive the deadline of a put (5 s) by far: 60 s or more." in str(refusal.value)
