"""The relay, layers 2 and 3: it applies what the triggers logged, and its fence says that it has.

A pass (``run_pass``):

1. ``t0`` = Redis TIME. Only then read the changes visible in PostgreSQL, and the rows they name.
2. Apply them to each partition by scripts chained through a nonce. The last one renews the fence until
   ``t0 + B``: so a hit at time t proves that everything committed before t - B is in the cache.
3. When every partition has acknowledged, delete exactly those changes. Killed before that, the next relay
   applies them again, harmlessly: puts compare versions, counts are absolute.

A partition with a foreign nonce (another relay, an empty server, an older copy of the data) is rebuilt. So
is every partition when a relay begins to lead, because what it did not see it can't vouch for.
"""

import logging
import math
import threading
import time
from contextlib import suppress
from typing import Any, Final

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError
from redis.exceptions import RedisError

from caching.changes import ChangeLog
from caching.conditions import look
from caching.declared import Declared
from caching.kept import Kept
from caching.leadership import Leadership, NotLeading, leadership
from caching.lost import is_lost
from caching.redis import relay_connection
from caching.upkeep import Foreign

log = structlog.get_logger(__name__)

POLL_SECONDS: Final = 0.025
STANDBY_SECONDS: Final = 0.25
TROUBLE_SECONDS: Final = 0.1
#: Part of B after which the fence is renewed although nothing has changed.
RENEW_PART: Final = 0.125


class Pooled(ImproperlyConfigured):
    """Two statements were answered by two of PostgreSQL's processes."""

    def __init__(self) -> None:
        super().__init__(
            "Something between the relay and PostgreSQL shares sessions among clients (a transaction pooler),"
            " so nobody can tell who leads: give the relay a connection of its own."
        )


class Relay:
    """Keeps the caches true for as long as it leads; all on Django's connection of its thread."""

    def __init__(self, caches: list[Declared[Any]] | None = None) -> None:
        self._kept = [Kept(cache) for cache in (Declared.registry if caches is None else caches)]
        self._changes = ChangeLog()
        self._lead: Leadership | None = None
        self._backend = 0
        self._renewed_at = -math.inf
        self._state = ""

    # -- For ever -----------------------------------------------------------------------------------------

    def run(self, stop: threading.Event) -> None:
        """Lead, or stand by to lead, until ``stop`` is set.

        Raises ``ImproperlyConfigured`` when something in between shares PostgreSQL's sessions.
        """
        while not stop.is_set():
            try:
                with leadership() as lead:
                    self.begin(lead, "relay started")
                    self._pass_until(stop)
            except NotLeading as reason:
                self._say("relay_stands_by", str(reason))
            except (DatabaseError, InterfaceError) as error:
                if not is_lost(error):
                    raise
                self._say("relay_lost_postgresql", str(error).strip())
            stop.wait(STANDBY_SECONDS)

    def _pass_until(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                more = self.run_pass()
            except RedisError as error:
                self._say("relay_lost_redis", str(error))
                self._prove()  # the session must not idle for as long as Redis is away
                stop.wait(TROUBLE_SECONDS)
                continue
            except Pooled:
                raise
            except ImproperlyConfigured as reason:
                self._say("relay_lost_trust", str(reason))
                self._prove()
                stop.wait(TROUBLE_SECONDS)
                continue
            self._say("relay_leads")
            if not more:
                stop.wait(POLL_SECONDS)

    def _say(self, state: str, why: str = "") -> None:
        """Log how the relay is when that has changed, not at each try."""
        if state != self._state:
            self._state = state
            log.log(logging.WARNING if "lost" in state else logging.INFO, state, why=why)

    # -- One step at a time -------------------------------------------------------------------------------

    def begin(self, lead: Leadership, why: str) -> None:
        """Begin to lead: nothing that this relay did not do itself is trusted."""
        self._lead = lead
        self._changes = ChangeLog()
        self._backend = 0
        for kept in self._kept:
            kept.begin(why)
            for upkeep in kept.upkeeps:
                upkeep.lead = lead
        with suppress(ImproperlyConfigured, RedisError):  # the first pass says so
            self._look()

    def run_pass(self) -> bool:
        """One pass; true when a batch was full and there is more to do at once.

        Raises redis-py's errors (the pass is over, the next one goes on) and PostgreSQL's (so is the lead).
        """
        self._rebuild()
        for kept in self._kept:
            for upkeep in kept.upkeeps:
                with kept.watched(upkeep):
                    upkeep.settle()
        t0_us = _redis_now_us()
        self._prove()
        waiting = self._changes.waiting()
        if not waiting.changes and not self._renewal_is_due():
            return False
        if self._look():
            return True
        until_ms = 0 if waiting.more else t0_us // 1000 + int(settings.CACHE_FENCE_SECONDS * 1000)
        for kept in self._kept:
            if not kept.trouble:
                with kept.own_trouble():
                    kept.apply(waiting.changes, t0_us, until_ms)
        if any(kept.to_rebuild for kept in self._kept):
            return True  # delete nothing: what a rebuild loads may be older than these changes
        self._changes.delete(waiting)
        for kept in self._kept:
            kept.forget(waiting.changes)
        self._renewed_at = time.monotonic()
        return waiting.more

    def _look(self) -> bool:
        """Whether something was altered, after t0 and so after whatever the fence would vouch for."""
        try:
            seen = look(model for kept in self._kept for model in kept.cache.models)
        except ImproperlyConfigured as reason:  # whatever came in the meantime may lie on, when it is mended
            for kept in self._kept:
                kept.begin(f"after trouble: {reason}")
            raise
        if self._backend not in (0, seen.backend):
            raise Pooled
        self._backend = seen.backend
        begun = [kept.check(seen) for kept in self._kept]
        return any(begun)

    def _rebuild(self) -> None:
        for kept in self._kept:
            for upkeep, why in list(kept.to_rebuild.items()):
                self._prove(now=True)  # whoever leads no more must not take the fence of who does
                began = time.monotonic()
                try:
                    with kept.own_trouble():
                        rows = upkeep.rebuild(why)
                except Foreign:  # somebody reset it under our hands: start over at the next pass
                    continue
                if kept.trouble:
                    break
                del kept.to_rebuild[upkeep]
                self._renewed_at = -math.inf  # renew at once
                seconds = round(time.monotonic() - began, 3)
                log.info("rebuilt", partition=str(upkeep.partition), why=why, rows=rows, seconds=seconds)

    def _prove(self, *, now: bool = False) -> None:
        if self._lead is None:
            raise NotLeading("nobody has begun to lead")
        self._lead.prove(now=now)

    def _renewal_is_due(self) -> bool:
        return bool(time.monotonic() - self._renewed_at >= RENEW_PART * settings.CACHE_FENCE_SECONDS)


def _redis_now_us() -> int:
    seconds, microseconds = relay_connection().time()
    return int(seconds) * 1_000_000 + int(microseconds)
