"""What the relay does to one partition: apply changes and renew its fence, or begin it anew."""

import logging
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import structlog
from django.db import transaction
from django.db.models import Model
from redis.exceptions import RedisError, ResponseError

from caching.board import WRITE_KEYS, BoardCache
from caching.board import Row as BoardRow
from caching.declared import BATCH, Declared
from caching.entity import EntityCache
from caching.entity import Row as EntityRow
from caching.facets import BOTTOM, encode_position
from caching.leadership import Leadership, NotLeading, keeper_before, say_who_keeps
from caching.lines import line, parse
from caching.partition import EPOCH_DIGITS, Partition
from caching.redis import Argument, Script, relay_connection

log = structlog.get_logger(__name__)

APPLY_ENTITY = Script("entity_apply", "entity_row", "relay_head")
RESET_ENTITY = Script("entity_reset", "entity_row")
APPLY_BOARD = Script("board_apply", "board_rows", "relay_head")
RESET_BOARD = Script("board_reset", "board_rows")

T = TypeVar("T")


class Foreign(Exception):
    """The partition is not as this relay left it: another wrote, or data was lost. Rebuild it."""


class _Sent(NamedTuple):
    """A script whose reply was not seen yet."""

    script: Script
    keys: list[str]
    args: list[Argument]
    nonce: str


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most ``size``."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def ask_for_rebuild(partition: Partition, asker: str) -> None:
    """Take the relay's proof away and say who wants it so: at its next pass it begins the partition anew."""
    relay_connection().hset(partition.key("head"), mapping={"nonce": "", "asked_by": asker})


class Upkeep(ABC):
    """One partition in the relay's hands. Each script proves by the nonce that nothing was lost since."""

    def __init__(self, partition: Partition) -> None:
        self.partition = partition
        self._nonce = ""
        self._unsure: _Sent | None = None
        #: Asked before each script of a chain: PostgreSQL must not take a long one for an idle session.
        self.lead: Leadership | None = None

    @abstractmethod
    def operations(self, versions: Mapping[str, int]) -> Sequence[Any]:
        """The committed rows of this partition among these keys, and tombstones of those that are gone."""

    @abstractmethod
    def apply(self, operations: Sequence[Any], fence_until_ms: int, counts: str, as_of_us: int) -> None:
        """Apply the rows by chained scripts; the last publishes the counts, as they were at that moment of
        Redis time, and renews the fence, unless ``fence_until_ms`` is 0. Raises :class:`Foreign`, or
        redis-py's errors."""

    @abstractmethod
    def rebuild(self, why: str) -> int:
        """Begin a new epoch and load what must be present; returns how many rows. There is no fence yet.

        One that breaks off has to be started over.
        """

    def tell_trouble(self, why: str) -> None:
        """Leave word of it, for as long as a head is kept; a rebuild takes it away."""
        head = self.partition.key("head")
        with suppress(RedisError):
            relay_connection().hset(head, "trouble", why)
            relay_connection().expire(head, 3600)

    def settle(self) -> None:
        """Send the script whose reply was lost once more. If it had run, it finds its own nonce there."""
        if self._unsure:
            self._send(self._unsure)

    def _begin(self, script: Script, keys: list[str], why: str) -> None:
        """A new epoch. From now on only scripts that know this nonce are obeyed."""
        redis, head = relay_connection(), self.partition.key("head")
        self._give_way()
        nonce, epoch = secrets.token_hex(8), f"{secrets.token_hex(EPOCH_DIGITS // 2)}{line().mark}"
        self._unsure = None
        asker: Any = redis.hget(head, "asked_by")
        why = f"asked for by {asker.decode()}" if asker else why
        script.run(redis, keys, [epoch, nonce, why, str(line())])
        self._nonce = nonce

    def _give_way(self) -> None:
        """Raise :class:`NotLeading` where the relay of another line keeps the partition: one that outlives
        ours (this is the old primary of a failover), or a copy's for as long as it is there."""
        ours, told = line(), relay_connection().hget(self.partition.key("head"), "line")
        last = parse(told.decode()) if told else None  # type: ignore[union-attr]
        if other := last if last and last.outlives(ours) else keeper_before(ours):
            raise NotLeading(
                f"a relay of another database keeps {self.partition} (line {other}, this is {ours}):"
                " give each its own Redis number, or stop the one that is no longer wanted"
            )
        say_who_keeps()

    def _chain(self, script: Script, keys: list[str], args: list[Argument]) -> list[Any]:
        """Send the next script of the chain; ``args`` follow the two nonces."""
        if self.lead:
            self.lead.prove()
        nonce = secrets.token_hex(8)
        return self._send(_Sent(script, keys, [self._nonce, nonce, *args], nonce))

    def _send(self, sent: _Sent) -> list[Any]:
        self._unsure = sent
        try:
            reply: list[Any] = sent.script.run(relay_connection(), sent.keys, sent.args)
        except ResponseError as error:
            # Not an answer such as "out of memory": the script itself fell over what it found.
            if type(error) is ResponseError:
                raise Foreign(str(error)) from error
            raise
        self._unsure = None
        if reply[0] in (b"foreign", b"broken"):
            raise Foreign(f"{reply[0].decode()} partition")
        self._nonce = sent.nonce
        return reply


class EntityUpkeep(Upkeep):
    """A partition of single rows. Changed rows are put, present or not: so no late filler can bring an
    older version."""

    def __init__(self, cache: EntityCache[Any], partition: Partition) -> None:
        super().__init__(partition)
        self._cache = cache
        self._odd: dict[str, str] = {}

    def operations(self, versions: Mapping[str, int]) -> list[EntityRow]:
        """See :class:`Upkeep`."""
        mine = {key: v for key, v in versions.items() if self._cache.partition_of(key) is self.partition}
        rows = self._cache.operations(mine) if mine else []
        odd = {key: why for key, why in self._odd.items() if key not in mine}
        self._tell_odd(odd | {row.key: row.odd for row in rows if row.odd})
        return rows

    def _tell_odd(self, odd: dict[str, str]) -> None:
        """Say which rows can't be shown, when that has changed."""
        if odd != self._odd:
            self._odd = odd
            examples = list(odd.values())[:5]
            level = logging.ERROR if odd else logging.INFO
            log.log(level, "rows_withheld", cache=self._cache.name, count=len(odd), examples=examples)
            self.tell_trouble("; ".join(examples))

    def apply(self, operations: Sequence[EntityRow], fence_until_ms: int, counts: str, as_of_us: int) -> None:
        """See :class:`Upkeep`."""
        groups = list(batches(operations, BATCH)) or [[]]
        for number, group in enumerate(groups, start=1):
            until = fence_until_ms if number == len(groups) else 0
            args: list[Argument] = [until, self._cache.ttl() * 1000]
            for row in group:
                args.extend(row.args())
            keys = self.partition.keys("head", "fence", *(f"row:{row.key}" for row in group))
            self._chain(APPLY_ENTITY, keys, args)

    def rebuild(self, why: str) -> int:
        """See :class:`Upkeep`: rows of another epoch are misses, so there is nothing to load."""
        self._odd = {}
        self._begin(RESET_ENTITY, self.partition.keys("head", "fence"), why)
        return 0


class BoardUpkeep(Upkeep):
    """The board: what must be present is loaded at each rebuild, and the horizon says how far it reaches."""

    def __init__(self, cache: BoardCache[Any]) -> None:
        super().__init__(cache.partition)
        self._cache = cache
        self._keys = self.partition.keys(*WRITE_KEYS, "fence", "counts")

    def operations(self, versions: Mapping[str, int]) -> list[BoardRow]:
        """See :class:`Upkeep`."""
        return self._cache.operations(versions)

    def apply(self, operations: Sequence[BoardRow], fence_until_ms: int, counts: str, as_of_us: int) -> None:
        """See :class:`Upkeep`."""
        groups = list(batches(operations, BATCH)) or [[]]
        for number, group in enumerate(groups, start=1):
            is_last = number == len(groups)
            if is_last:
                self._apply(group, fence_until_ms, counts=(counts, as_of_us))
            else:
                self._apply(group)

    def _apply(
        self,
        rows: Sequence[BoardRow],
        fence_until_ms: int = 0,
        *,
        horizon: str = "",
        counts: tuple[str, int] = ("", 0),
    ) -> None:
        cache = self._cache
        args: list[Argument] = [
            fence_until_ms, cache.latest(), cache.facets.width, cache.most_rows(), horizon, *counts
        ]  # fmt: skip
        for row in rows:
            args.extend(row.args())
        outcome, _now_us, size = self._chain(APPLY_BOARD, self._keys, args)
        if outcome == b"full":
            log.error("board_full", cache=cache.name, rows=size, most_rows=cache.most_rows())

    def rebuild(self, why: str) -> int:
        """See :class:`Upkeep`: the N latest rows, and every older one that is to be kept."""
        self._begin(RESET_BOARD, self._keys, why)
        with transaction.atomic():
            latest = list(self._newest_first()[: self._cache.latest()])
            loaded = self._load(latest)
            if len(latest) < self._cache.latest():
                horizon = BOTTOM
            else:
                oldest = getattr(latest[-1], self._cache.position)
                # The horizon is the position below which rows may be missing.
                horizon = encode_position(oldest - 1)
                kept = self._newest_first().filter(
                    **{
                        f"{self._cache.position}__lt": oldest,
                        f"{self._cache.keep_facet}__in": list(self._cache.keep_values),
                    }
                )
                loaded += self._load(kept.iterator(chunk_size=1000))
        self._apply([], horizon=horizon)
        return loaded

    def _newest_first(self) -> Any:
        return self._cache.rows().order_by(f"-{self._cache.position}")

    def _load(self, rows: Iterable[Model]) -> int:
        loaded = 0
        for batch in batches(rows, BATCH):
            self._apply([self._cache.operation(row) for row in batch])
            loaded += len(batch)
        return loaded


def upkeeps_of(cache: Declared[Any]) -> list[Upkeep]:
    """One for each partition of the cache."""
    if isinstance(cache, BoardCache):
        return [BoardUpkeep(cache)]
    if isinstance(cache, EntityCache):
        return [EntityUpkeep(cache, partition) for partition in cache.partitions]
    raise TypeError(f"the relay can't keep a {type(cache).__name__}")
