"""What the model caches: a small row with everything the protocol cares about, in both kinds of cache."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

from caching.board import BoardCache
from caching.entity import EntityCache
from caching.facets import Facets
from tests.model.postgres import Query

KEYS = ("A", "B", "C", "D")
NEW, MADE = "new", "made"
STATUSES, MATERIALS = (NEW, MADE), ("gold", "brass")
LATEST = 2  # unless a story says otherwise
TTL_SECONDS = 70

Filters = dict[str, str]
#: Filters people use; the views of NEW alone are complete whatever the retention.
VIEWS: tuple[Filters, ...] = (
    {}, {"status": NEW}, {"status": MADE}, {"material": "gold"}, {"status": NEW, "material": "gold"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """One row. It stands for a Django model too: the engine asks for its table and one column's name."""

    number: str
    owner: str
    status: str
    material: str
    position: int
    version: int
    text: str

    _meta: ClassVar[Any] = SimpleNamespace(
        db_table="items", label="model.Item", get_field=lambda name: SimpleNamespace(column=name)
    )

    def passes(self, filters: Mapping[str, str]) -> bool:
        """Whether a list with these filters shows the row."""
        return all(getattr(self, facet) == value for facet, value in filters.items())


def payload(item: Item) -> dict[str, Any]:
    """The row as readers get it."""
    return {name: getattr(item, name) for name in ("number", "status", "material", "version", "text")}


def counts(rows: Mapping[str, Item]) -> dict[str, int]:
    """How many rows stand in each status."""
    return dict(Counter(row.status for row in rows.values()))


def is_complete(filters: Filters) -> bool:
    """Whether the board promises to hold every row that passes."""
    return filters.get("status") == NEW


class ItemCache(EntityCache[Any]):
    """The real entity cache, its rows read from the simulated PostgreSQL."""

    registry: ClassVar[list[Any]] = []

    def fingerprint(self) -> str:
        """One release is all the model knows."""
        return "model"

    def rows(self) -> Any:
        """All rows."""
        return Query()


class ItemBoard(BoardCache[Any]):
    """The real board, its rows read from the simulated PostgreSQL."""

    registry: ClassVar[list[Any]] = []

    def fingerprint(self) -> str:
        """One release is all the model knows."""
        return "model"

    def rows(self) -> Any:
        """All rows."""
        return Query()


def declare(latest: Callable[[], int] = lambda: LATEST) -> tuple[ItemCache, ItemBoard]:
    """Both caches, as one process has them; retention keeps the ``latest()`` rows."""
    ItemCache.registry.clear()
    ItemBoard.registry.clear()
    common: dict[str, Any] = {"model": Item, "key": "number", "render": payload}
    cache = ItemCache(
        name="item", status_name="item", owner="owner", ttl=lambda: TTL_SECONDS, partition_count=2, **common
    )
    board = ItemBoard(
        name="board", status_name="board", position="position",
        facets=Facets({"status": STATUSES, "material": MATERIALS}),
        keep_facet="status", keep_values=(NEW,), latest=latest, most_rows=lambda: 100, **common,
    )  # fmt: skip
    return cache, board
