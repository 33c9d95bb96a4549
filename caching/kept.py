"""One cache in the relay's hands: its partitions, its counts, and what is wrong with it if anything is."""

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import structlog
from django.core.exceptions import ImproperlyConfigured
from redis.exceptions import RedisError

from caching.board import BoardCache
from caching.changes import Change
from caching.conditions import Conditions
from caching.counts import Counts
from caching.declared import Declared, OddRow
from caching.leadership import NotLeading
from caching.lost import is_lost
from caching.triggers import verify_triggers
from caching.upkeep import Foreign, Upkeep, upkeeps_of

log = structlog.get_logger(__name__)

#: After trouble of a cache: at first, and at most.
RETRY_SECONDS: Final = 1.0
MOST_RETRY_SECONDS: Final = 30.0


class Kept:
    """One cache in the relay's hands."""

    def __init__(self, cache: Declared[Any]) -> None:
        self.cache = cache
        self.table = cache.model._meta.db_table
        self.upkeeps = upkeeps_of(cache)
        self.counts = Counts(cache) if isinstance(cache, BoardCache) else None
        self.to_rebuild: dict[Upkeep, str] = {}
        #: Why its fences are withheld, if they are; the others' go on.
        self.trouble = ""
        self._last_trouble = self._odd = ""
        self._retry_at = -math.inf
        self._patience = RETRY_SECONDS
        self._conditions: tuple[str | None, ...] = ()
        self._why = ""
        # TRUNCATEs that have led to a rebuild, but are not yet deleted from the log.
        self._truncates: set[int] = set()

    def begin_anew(self, why: str, truncates: Iterable[int] = ()) -> None:
        """Trust nothing of what was known: recount, and rebuild every partition at the next pass."""
        self._truncates = set(truncates)
        if self.counts:
            self.counts.recount()
        self.to_rebuild = dict.fromkeys(self.upkeeps, why)

    def begin(self, why: str) -> None:
        """Nothing is known: the next look at the tables begins everything anew."""
        self._conditions, self._why, self.trouble = (), why, ""

    def check(self, conditions: Conditions) -> bool:
        """Begin anew, if a table or its triggers were altered since the last look; and some time after
        trouble, which may have been mended. Returns whether it did."""
        now = conditions.of(self.cache.models)
        is_due = self.trouble and time.monotonic() >= self._retry_at
        if now == self._conditions and not is_due:
            return False
        why = f"after trouble: {self.trouble}" if self.trouble else self._why
        self._conditions, self._why = now, "tables or triggers altered"
        with self.own_trouble():
            verify_triggers(self.cache.models)
            for upkeep in self.upkeeps if self._odd else ():
                upkeep.operations({self._odd: 0})  # still odd? else each retry would read all rows in vain
            self.begin_anew(why)
            self.trouble = self._odd = ""
        return not self.trouble

    @contextmanager
    def own_trouble(self) -> Iterator[None]:
        """What goes wrong in this block, but for lost servers, withholds this cache's fences, and no other's:
        a row that can't be rendered, a trigger that is disabled."""
        try:
            yield
        except (RedisError, NotLeading, Foreign):
            raise
        except Exception as error:
            if is_lost(error):
                raise
            why = (
                str(error) if isinstance(error, ImproperlyConfigured) else f"{type(error).__name__}: {error}"
            )
            if why != self._last_trouble:
                log.error("cache_withheld", cache=self.cache.name, why=why)
                self._patience = RETRY_SECONDS
            self._last_trouble = why
            self._odd = error.key if isinstance(error, OddRow) else ""
            self.trouble, self.to_rebuild = why, {}
            self._retry_at = time.monotonic() + self._patience
            self._patience = min(2 * self._patience, MOST_RETRY_SECONDS)
            for upkeep in self.upkeeps:
                upkeep.tell_trouble(why)

    def apply(self, changes: list[Change], t0_us: int, until_ms: int) -> None:
        """Bring every partition up to date and, unless ``until_ms`` is 0, renew its fence."""
        mine = [change for change in changes if change.table == self.table]
        truncates = {change.id for change in mine if change.key is None}
        if not truncates <= self._truncates:
            self.begin_anew("table truncated", truncates)  # read again after the rebuild, they are no news
            return
        if self.counts:
            self.counts.add(mine)
        counts = self.counts.published() if self.counts else ""
        versions: dict[str, int] = {}
        for change in mine:
            if change.key is not None:
                versions[change.key] = max(change.version, versions.get(change.key, 0))
        for upkeep in self.upkeeps:
            if upkeep not in self.to_rebuild:
                with self.watched(upkeep):
                    upkeep.apply(upkeep.operations(versions), until_ms, counts, t0_us)
        self._last_trouble = ""

    @contextmanager
    def watched(self, upkeep: Upkeep) -> Iterator[None]:
        """A partition that proves foreign in this block is rebuilt at the next pass."""
        try:
            yield
        except Foreign as reason:
            self.to_rebuild[upkeep] = str(reason)

    def forget(self, changes: list[Change]) -> None:
        """The changes are deleted from the log."""
        self._truncates.difference_update(change.id for change in changes)
        if self.counts:
            self.counts.forget(changes)
