"""The one place where requests talk to Redis: short time-outs, no retries, and a breaker, so that trouble
there costs one at most one time-out and most nothing. (/readyz, asked how Redis is, asks it by itself.)"""

import hashlib
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django_redis import get_redis_connection
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MaxConnectionsError, NoScriptError, RedisError, ResponseError, TimeoutError

FAILURES_TO_OPEN: Final = 3
SECONDS_OPEN: Final = 1.0

Argument = str | bytes | int


class CacheUnavailable(Exception):
    """Redis can't be asked or has refused; ``detail`` says why in a word fit for Cache-Status."""

    def __init__(self, detail: str, cause: object = "") -> None:
        super().__init__(f"{detail}: {cause}" if cause else detail)
        self.detail = detail


class Breaker:
    """Circuit breaker: after three failures in a row nobody asks for a second, then one caller tries.

    Nygard, *Release It!*, 2nd edition, "Circuit Breaker". One a process; safe among threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._open_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether callers are turned away right now."""
        return self._failures >= FAILURES_TO_OPEN and time.monotonic() < self._open_until

    def admit(self) -> None:
        """Return if Redis may be asked; raise :class:`CacheUnavailable` while the breaker is open."""
        if self._failures < FAILURES_TO_OPEN:
            return
        with self._lock:
            if self._failures < FAILURES_TO_OPEN:
                return
            if time.monotonic() < self._open_until:
                raise CacheUnavailable("breaker")
            # This caller is the probe; the others are turned away until it is back.
            self._open_until = time.monotonic() + SECONDS_OPEN

    def succeeded(self) -> None:
        """Close the breaker."""
        if self._failures:
            with self._lock:
                self._failures = 0

    def failed(self) -> None:
        """Count a failure; the third in a row opens the breaker."""
        with self._lock:
            self._failures += 1
            if self._failures >= FAILURES_TO_OPEN:
                self._open_until = time.monotonic() + SECONDS_OPEN


breaker = Breaker()


class Script:
    """A Lua script of ``caching/lua/``, with the files it shares put in front."""

    def __init__(self, name: str, *shared: str) -> None:
        self.name = name
        folder = Path(__file__).parent / "lua"
        self.text = "\n".join((folder / f"{part}.lua").read_text() for part in (*shared, name))
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    def run(self, client: Redis, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run the script atomically; bytes come back as bytes. Raises redis-py's errors."""
        try:
            return client.evalsha(self.sha, len(keys), *keys, *args)
        except NoScriptError:
            return client.eval(self.text, len(keys), *keys, *args)


def is_enabled() -> bool:
    """Whether ``CACHE_ENABLED`` lets the caches be used at all."""
    return bool(settings.CACHE_ENABLED)


def call(script: Script, keys: Sequence[str], args: Sequence[Argument] = ()) -> Any:
    """Run a script on behalf of a request.

    Raises :class:`CacheUnavailable`: switched off, breaker open, no answer within ``CACHE_TIMEOUT_MS``, or
    an error answered (out of memory, read-only, no permission). Only a server that can't be talked to (dead,
    silent, loading, refusing the password) moves the breaker, not an error, nor too few connections here.
    """
    if not is_enabled():
        raise CacheUnavailable("off")
    breaker.admit()
    try:
        reply = script.run(get_redis_connection("default"), keys, args)
    except MaxConnectionsError as error:
        raise CacheUnavailable("error", error) from error
    except (RedisConnectionError, TimeoutError, OSError) as error:
        breaker.failed()
        raise CacheUnavailable("breaker", error) from error
    except ResponseError as error:
        breaker.succeeded()
        raise CacheUnavailable("error", error) from error
    except RedisError as error:
        breaker.failed()
        raise CacheUnavailable("breaker", error) from error
    breaker.succeeded()
    return reply


def relay_connection() -> "Redis":
    """The relay's own connection: its scripts are longer, and it has nobody waiting."""
    client: Redis = get_redis_connection("relay")
    return client
