"""A cache of a sorted list under filters: the N latest rows and every one that must not be missed."""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from caching import stats
from caching.declared import BATCH, Declared, M, end_of_life, in_transaction
from caching.facets import LAST_POSITION, Facets, decode_position, encode_position
from caching.load import from_postgresql
from caching.partition import Partition, Token
from caching.proofs import Proof
from caching.redis import Argument, CacheUnavailable, Call, Script, ask, call
from caching.writing import put_fresh

PAGE = Script("board_page")
PUT = Script("board_put", "board_rows")
TRIM = Script("board_trim", "board_rows")
COUNTS = Script("board_counts")

#: The keys every writing script takes, in this order.
WRITE_KEYS: Final = ("head", "meta", "rows", "index", "gens", "tombs")
TRIM_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a board.

    ``rows`` are payloads joined by commas (None: the caller knows the page by its ETag already),
    ``next_after`` the position to go on after (None: this is the last page), ``count`` how many rows the
    view has (None: not known), ``etag`` None when rows came from PostgreSQL, ``status`` Cache-Status,
    ``proof`` what proves a hit again.
    """

    rows: bytes | None
    next_after: int | None
    count: int | None
    etag: str | None
    status: str
    proof: Proof | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Published:
    """How many rows stand in each state, since when at least (microseconds of Redis time), how many rows of
    the views asked for the cache has, and what proves it again: ``proof`` all but the time, ``exactly`` the
    time as well."""

    counts: dict[str, int]
    as_of: int
    views: list[int]
    etag: str
    proof: Proof
    exactly: Proof


@dataclass(frozen=True, slots=True)
class Row:
    """A row as the scripts take it; no position means that it is gone."""

    key: str
    version: int
    position: str = ""
    droppable: bool = False
    views: str = ""
    payload: bytes = b""

    def args(self) -> tuple[Argument, ...]:
        """id, version, position, droppable, views, payload."""
        return (self.key, self.version, self.position, int(self.droppable), self.views, self.payload)


@dataclass(frozen=True, slots=True)
class _Place:
    """Which page is asked for."""

    filters: tuple[tuple[str, str], ...]
    limit: int
    after: int | None


@dataclass(kw_only=True, eq=False)
class BoardCache(Declared[M]):
    """Rows of ``model`` sorted by ``position``, newest first, filtered by ``facets`` (column -> values).

    Kept are the ``latest()`` newest rows and, whatever their age, those whose column ``keep_facet`` is one
    of ``keep_values``: views of one such value miss nothing and never leave the cache. ``most_rows()``
    is where memory ends: beyond it the cache steps aside. The relay publishes counts by ``keep_facet``.
    """

    position: str
    facets: Facets
    keep_facet: str
    keep_values: Collection[str]
    latest: Callable[[], int]
    most_rows: Callable[[], int]

    @cached_property
    def partition(self) -> Partition:
        """The board's only partition in this release."""
        return Partition(self.tag())

    @property
    def partitions(self) -> list[Partition]:
        """All partitions of this release: one."""
        return [self.partition]

    def partitions_of(self, keys: Iterable[str]) -> list[Partition]:
        """See :class:`Declared`."""
        return self.partitions

    def _shape(self) -> tuple[Any, ...]:
        return self.facets.values, sorted(self.keep_values), self.keep_facet, self.position

    # -- Reading ------------------------------------------------------------------------------------------

    def page(
        self, filters: Mapping[str, str], limit: int, after: int | None = None, etag: str | None = None
    ) -> Page:
        """A page of the rows that pass the filters, after a position (None: from the top).

        ``etag`` is what the caller has: if it still holds, the answer is a page without rows.
        """
        place = _Place(tuple(sorted(filters.items())), limit, after)
        if in_transaction():
            return self._from_postgresql(place, "bypass", "transaction")
        question = self._question(place, etag)
        try:
            state, epoch, now_us, *reply = ask(question)
            self.partition.learn(epoch, now_us)
            if state not in (b"hit", b"same", b"partial"):
                raise CacheUnavailable(state.decode())
        except CacheUnavailable as trouble:
            return self._from_postgresql(place, "bypass", trouble.detail)
        if state == b"partial":
            return self._from_postgresql(place, "partial")
        stats.count(self.name, "hit")
        page = self._page_of(question, reply)
        return replace(page, rows=None) if page.etag == etag else page

    def _question(self, place: _Place, etag: str | None) -> Call:
        filters = dict(place.filters)
        # A cursor may name any bigint; positions end earlier.
        after = "" if place.after is None else encode_position(min(max(place.after, 0), LAST_POSITION))
        return Call(
            PAGE,
            tuple(self.partition.keys("fence", "head", "rows", "index", "gens")),
            (self.facets.view(filters), after, place.limit, int(self.is_complete(filters))),
            (etag or "", ""),
        )

    def _page_of(self, question: Call, reply: list[Any]) -> Page:
        """The page in a reply, from its ETag on; one that is the "same" says no more than the ETag."""
        etag, behind, *new = reply
        count, last, rows = new or (-1, b"", None)
        return Page(
            rows,
            decode_position(last.decode()) if last else None,
            count if count >= 0 else None,
            etag.decode(),
            f"{self.status_name}; hit",
            Proof(replace(question, known=(etag, behind)), cache=self.name),
        )

    def _from_postgresql(self, place: _Place, forwarded: str, why: str = "") -> Page:
        """The whole page from PostgreSQL, all of one moment.

        Also when the cache holds its upper part: a row that moved up across the horizon a moment ago would
        be in neither part. ``forwarded`` is "partial" or "bypass" (RFC 9211, 2.2), ``why`` its detail.
        """
        rows, next_after = from_postgresql(
            (self.name, place), lambda: self._select(place), share=why != "transaction"
        )
        stats.count(self.name, forwarded)
        detail = f"; detail={why}" if why else ""
        return Page(rows, next_after, None, None, f"{self.status_name}; fwd={forwarded}{detail}")

    def _select(self, place: _Place) -> tuple[bytes, int | None]:
        """Rows of the place from PostgreSQL, joined; and the position to go on after."""
        rows = self.rows().filter(**dict(place.filters))
        if place.after is not None:
            rows = rows.filter(**{f"{self.position}__lt": place.after})
        found = list(rows.order_by(f"-{self.position}")[: place.limit + 1])
        shown = found[: place.limit]
        more = len(found) > place.limit
        return b",".join(map(self.payload, shown)), getattr(shown[-1], self.position) if more else None

    def is_complete(self, filters: Mapping[str, str]) -> bool:
        """Whether the cache holds every row that passes these filters, whatever its age."""
        return filters.get(self.keep_facet) in self.keep_values

    def counts(self, views: Sequence[Mapping[str, str]] = ()) -> Published:
        """What the relay has published, and how many rows of ``views``, which are filters, the cache has (of
        complete ones: how many there are). Raises ``CacheUnavailable``."""
        question = Call(
            COUNTS,
            tuple(self.partition.keys("fence", "head", "counts", "index", "gens")),
            (len(views), *(self.facets.view(filters) for filters in views)),
        )
        state, epoch, now_us, *reply = ask(question)
        self.partition.learn(epoch, now_us)
        if state != b"hit":
            raise CacheUnavailable(state.decode())
        etag, counts, as_of, *held = reply
        proof = Proof(replace(question, known=(etag,)))
        return Published(
            json.loads(counts), int(as_of), held, etag.decode(), proof, Proof(question, tuple(reply))
        )

    # -- Writing ------------------------------------------------------------------------------------------

    def operations(self, versions: Mapping[str, int]) -> list[Row]:
        """The committed rows with these keys; one that is gone comes as its tombstone.

        ``versions`` gives for each key a version of the row's last known incarnation.
        """
        rows = self.current(versions)
        return [
            self.operation(rows[key]) if key in rows else Row(key, end_of_life(version))
            for key, version in versions.items()
        ]

    def operation(self, row: M) -> Row:
        """The row as the scripts take it."""
        with self.naming(row):
            values = {facet: getattr(row, facet) for facet in self.facets.values}
            droppable = values[self.keep_facet] not in self.keep_values
            return Row(
                getattr(row, self.key),
                row.version,  # type: ignore[attr-defined]
                encode_position(getattr(row, self.position)),
                droppable,
                self.facets.views(values, droppable),
                self.payload(row),
            )

    def write_through(self, versions: Mapping[str, int]) -> None:
        """Read the committed rows and put them. Raises ``CacheUnavailable`` if they were not put."""
        if self.partition.token() is None:
            self._learn()
        if self.partition.token() is not None:  # else no relay has begun: there is nothing to put into
            _rows, trouble = put_fresh(self.partition, read=lambda: self.operations(versions), put=self._put)
            if trouble:
                raise trouble

    def trim(self) -> int:
        """Retention: drop what is neither among the latest nor to be kept; returns how many rows went."""
        dropped = 0
        keys = self.partition.keys(*WRITE_KEYS)
        while gone := int(call(TRIM, keys, (self.latest(), self.facets.width, TRIM_BATCH))):
            dropped += gone
        return dropped

    def _learn(self) -> None:
        """Learn epoch and clock."""
        _state, epoch, now_us, *_counts = call(
            COUNTS, self.partition.keys("fence", "head", "counts", "index", "gens"), (0,)
        )
        self.partition.learn(epoch, now_us)

    def _put(self, token: Token, rows: list[Row]) -> Any:
        reply: Any = None
        for start in range(0, len(rows), BATCH):
            args: list[Argument] = [token.epoch, token.deadline_us, self.latest(), self.facets.width]
            for row in rows[start : start + BATCH]:
                args.extend(row.args())
            reply = call(PUT, self.partition.keys(*WRITE_KEYS), args)
        return reply
