"""The two kinds of caches behind one face, for what must hold of both."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from caching.board import BoardCache
from caching.declared import Declared
from caching.entity import EntityCache
from events.vocabulary import Status
from mes.caches import BOARD
from shop.caches import ORDERS
from tests.caching.relays import SteppedRelay
from tests.factories import OrderFactory, WorkOrderFactory
from tests.threads import Paused


@dataclass(frozen=True)
class Kind:
    """One cache and how a test makes a row of it."""

    cache: Declared[Any]
    make: Callable[..., Any]

    @property
    def table(self) -> str:
        """The name of its table."""
        return str(self.cache.model._meta.db_table)

    def shown(self, number: str) -> str | None:
        """The title a hit shows, None for a hit that shows no such row; fails when it is no hit."""
        if isinstance(self.cache, EntityCache):
            found = self.cache.read(number)
            if not found.status.endswith("; hit"):
                found = self.cache.read(number)
            assert found.status.endswith("; hit"), found.status
            return None if found.payload is None else json.loads(found.payload)["title"]
        assert isinstance(self.cache, BoardCache)
        page = self.cache.page({}, 200)
        assert page.status.endswith("; hit"), page.status
        rows = json.loads(b"[%b]" % (page.rows or b""))
        return {row["number"]: row["title"] for row in rows}.get(number)

    def how(self, number: str) -> str:
        """How a read of the row comes to its answer: Cache-Status."""
        if isinstance(self.cache, EntityCache):
            return self.cache.read(number).status
        assert isinstance(self.cache, BoardCache)
        return self.cache.page({}, 200).status

    def late_put(self, number: str) -> Paused:
        """A process that has read the row as it is now, and is about to put it (or that it is not there).

        The second half of a fill, and of a write-through: they are the same.
        """
        return Paused(lambda: self.cache.write_through({number: 0}), after=f'FROM "{self.table}"')


SHOP = Kind(ORDERS, OrderFactory)
PLANT = Kind(BOARD, lambda **fields: WorkOrderFactory(status=Status.MANUFACTURING_APPROVED, **fields))


def rebuild(relay: SteppedRelay) -> None:
    """Every partition begins anew, as after Redis lost its data."""
    for kept in relay.relay._kept:
        kept.begin_anew("test")
    relay.settle()
