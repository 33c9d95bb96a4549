"""The one place where requests talk to Redis: short time-outs, no retries, and a breaker, so that trouble
there costs one at most one time-out and most nothing. (/readyz, asked how Redis is, asks it by itself.)"""

import hashlib
import os
import select
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django_redis import get_redis_connection
from hiredis import pack_command
from redis import Redis
from redis.exceptions import NoScriptError, RedisError, ResponseError

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


@dataclass(frozen=True)
class Call:
    """A script with its keys and arguments. ``known`` are further arguments: what the caller has already, so
    that the answer may be no more than "same"."""

    script: Script
    keys: tuple[str, ...]
    args: tuple[Argument, ...] = ()
    known: tuple[Argument, ...] = ()

    @cached_property
    def question(self) -> tuple[str, tuple[str, ...], tuple[Argument, ...]]:
        """What is asked, whatever the caller knows of the answer."""
        return self.script.sha, self.keys, self.args

    @cached_property
    def packed(self) -> bytes:
        """As it goes over the wire."""
        return self._pack("EVALSHA", self.script.sha)

    @property
    def with_text(self) -> bytes:
        """The same for a server that has never seen the script."""
        return self._pack("EVAL", self.script.text)

    def _pack(self, command: str, script: str) -> bytes:
        words: tuple[Any, ...] = (command, script, len(self.keys), *self.keys, *self.args, *self.known)
        packed: bytes = pack_command(words)
        return packed


def is_enabled() -> bool:
    """Whether ``CACHE_ENABLED`` lets the caches be used at all."""
    return bool(settings.CACHE_ENABLED)


def call(script: Script, keys: Sequence[str], args: Sequence[Argument] = ()) -> Any:
    """Run a script on behalf of a request; see :func:`ask`."""
    return ask(Call(script, tuple(keys), tuple(args)))


def ask(question: Call) -> Any:
    """The reply to one call, unless it was :func:`given` already. Raises :class:`CacheUnavailable`: switched
    off, breaker open, no answer within ``CACHE_TIMEOUT_MS``, or an error answered (out of memory, read-only,
    no permission)."""
    if _given.replies and question.question in _given.replies:
        asked, reply = _given.replies.pop(question.question)
        if reply[0] != b"same" or _same(asked.known, question.known):
            return reply
    (reply,) = ask_all([question])
    if isinstance(reply, RedisError):
        raise CacheUnavailable("error", reply) from reply
    return reply


def ask_all(questions: Sequence[Call]) -> list[Any]:
    """The replies to several calls in one round trip, an error answered in its place.

    Raises :class:`CacheUnavailable` when Redis can't be asked. Only a server that can't be talked to (dead,
    silent, loading, refusing the password) moves the breaker, not an error.
    """
    if not is_enabled():
        raise CacheUnavailable("off")
    if _given.trouble:
        raise _given.trouble
    breaker.admit()
    try:
        replies = exchange(questions)
    except (RedisError, OSError) as error:
        breaker.failed()
        trouble = CacheUnavailable("breaker", error)
        if _given.replies is not None:
            _given.trouble = trouble
        raise trouble from error
    breaker.succeeded()
    return replies


def exchange(questions: Sequence[Call]) -> list[Any]:
    """Send the calls in one write and read their replies; scripts the server doesn't know follow as text."""
    replies = _trip([one.packed for one in questions])
    unknown = [number for number, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
    if unknown:
        texts = _trip([questions[number].with_text for number in unknown])
        for number, reply in zip(unknown, texts, strict=True):
            replies[number] = reply
    return replies


def _trip(commands: Sequence[bytes]) -> list[Any]:
    replies: list[Any] = []
    try:
        connection = _line.ready()
        connection.send_packed_command([b"".join(commands)], check_health=False)
        for _command in commands:
            try:
                replies.append(connection.read_response())
            except ResponseError as error:
                replies.append(error)
    except BaseException:
        _line.hang_up()
        raise
    return replies


class _Line(threading.local):
    """This thread's own connection, of the pool's kind: taking one from the pool costs a third of a trip.

    One that saw a time-out or any other interruption is closed and never used again: it would hand one
    request's reply to another. None crosses a fork.
    """

    connection: Any = None
    caches: Any = None
    pool: Any = None
    pid = 0

    def ready(self) -> Any:
        """A connection on which nothing waits to be read."""
        if self.connection is None or settings.CACHES is not self.caches or self.pid != os.getpid():
            self.connection, self.caches, self.pid = None, settings.CACHES, os.getpid()
            self.pool = get_redis_connection("default").connection_pool
            self.connection = self.pool.connection_class(**self.pool.connection_kwargs)
        elif self._is_stale():
            self.connection.disconnect()
        if self.connection._sock is None:
            self.connection.connect()
        return self.connection

    def hang_up(self) -> None:
        """Close the connection for good."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.disconnect()

    def _is_stale(self) -> bool:
        """Whether the server has closed it, or a Sentinel has named another."""
        socket = self.connection._sock
        if socket is None:
            return False
        if (master := getattr(self.pool, "master_address", None)) and master != (
            self.connection.host,
            self.connection.port,
        ):
            return True
        poll = select.poll()
        poll.register(socket, select.POLLIN)
        return bool(poll.poll(0))


_line = _Line()


class _Given(threading.local):
    replies: "dict[Any, Any] | None" = None
    trouble: CacheUnavailable | None = None


_given = _Given()


@contextmanager
def given(replies: Iterable[tuple[Call, Any]], trouble: CacheUnavailable | None = None) -> Iterator[None]:
    """In this block :func:`ask` answers these calls, each once, with the replies that came a moment ago.

    So whoever asked ahead on behalf of a request spares it a round trip of its own. "Same" is an answer only
    to who knows the same. Once Redis could not be asked, then or in this block, it is not asked again: a
    request waits for one time-out, not for several.
    """
    _given.trouble = trouble
    _given.replies = {asked.question: (asked, reply) for asked, reply in replies if isinstance(reply, list)}
    try:
        yield
    finally:
        _given.replies = _given.trouble = None


def _same(asked: tuple[Argument, ...], known: tuple[Argument, ...]) -> bool:
    """Whether the first thing known is the same text."""
    texts = [one[0].decode() if isinstance(one[0], bytes) else str(one[0]) for one in (asked, known) if one]
    return len(texts) == 2 and texts[0] == texts[1]


def relay_connection() -> "Redis":
    """The relay's own connection: its scripts are longer, and it has nobody waiting."""
    client: Redis = get_redis_connection("relay")
    return client
