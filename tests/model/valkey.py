"""What does Redis do for the engine? The real scripts on a real Valkey, with the model's clock and faults.

Two servers live in one database, told apart by the beginning of their keys: the one everybody uses, and its
replica, which holds what the first held when it was last in touch. A script whose caller gave up may run
late.
"""

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

from django_redis import get_redis_connection
from hiredis import pack_command
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, TimeoutError

from caching.redis import Call, Script
from tests.model.actors import Clock, current, pause

LUA = Path(__file__).parents[2] / "caching" / "lua"
_PRELUDE = (Path(__file__).parent / "model_time.lua").read_text()
_WRITES = ("_put", "_apply", "_reset", "_trim")
_COPY = """
local from, to = ARGV[1], ARGV[2]
for _, key in ipairs(redis.call('KEYS', to .. '*')) do redis.call('UNLINK', key) end
for _, key in ipairs(redis.call('KEYS', from .. '*')) do
  redis.call('COPY', key, to .. string.sub(key, #from + 1))
end
"""

#: (file, text, its replacement): how a mutant loses a safeguard.
Edits = tuple[tuple[str, str, str], ...]


@cache
def _loaded(text: str, edits: Edits) -> tuple[str, str]:
    """Which of the engine's scripts this is, and the SHA-1 by which Valkey knows the model's text of it."""
    files = {path.stem: path.read_text() for path in LUA.glob("*.lua")}
    name = next(name for name, part in files.items() if text.endswith(part))
    for file, old, new in edits:
        if files[file] in text:
            text = text.replace(old, new)
    (sha,) = the_wire()(("SCRIPT", "LOAD", f"{_PRELUDE}\n{text}"))
    return name, sha.decode()


class Sent(NamedTuple):
    """A script on its way to a server."""

    server: str
    sha: str
    name: str
    keys: tuple[str, ...]
    args: tuple[Any, ...]


class Wire:
    """One connection, with nothing between it and the socket: the model calls often."""

    def __init__(self) -> None:
        pool = get_redis_connection("default").connection_pool
        patient = {"socket_timeout": 60, "socket_connect_timeout": 60}
        self._connection = pool.connection_class(**{**pool.connection_kwargs, **patient})

    def __call__(self, *commands: tuple[Any, ...]) -> list[Any]:
        """The replies to several commands."""
        self._connection.send_packed_command([b"".join(map(pack_command, commands))])
        return [self._connection.read_response() for _command in commands]


#: One for all examples of this process.
the_wire = cache(Wire)


class Servers:
    """Both servers, and what is on its way to them."""

    def __init__(self, clock: Clock, edits: Edits, on_reply: Callable[[Sent, Any], None]) -> None:
        self._wire, self._clock, self._edits, self._on_reply = the_wire(), clock, edits, on_reply
        self._known: dict[str, tuple[str, str]] = {}  # the engine's sha -> name, sha of what runs here
        self.main = "a/"
        self.down: set[str] = set()
        self.late: list[Sent] = []
        self._wire(("FLUSHDB",))

    @property
    def replica(self) -> str:
        """The server that is not the main one."""
        return "b/" if self.main == "a/" else "a/"

    # -- What a client sees -------------------------------------------------------------------------------

    def time(self) -> tuple[int, int]:
        """TIME."""
        pause("redis TIME")
        self._answer(current().process.server)
        return divmod(self._clock.now_us, 1_000_000)

    def hget(self, key: str, field: str) -> Any:
        """HGET."""
        pause("redis HGET")
        server = current().process.server
        self._answer(server)
        return self._wire(("HGET", server + key, field))[0]

    def eval(self, text: str, number_of_keys: int, *rest: Any) -> Any:
        """EVAL: from then on the server knows the script."""
        sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._known[sha] = _loaded(text, self._edits)
        return self.evalsha(sha, number_of_keys, *rest)

    def exchange(self, questions: Sequence[Call]) -> list[Any]:
        """In place of ``caching.redis.exchange``: every call has a fate of its own, and one that is not
        answered is an error for all."""
        return [one.script.run(cast("Any", self), one.keys, (*one.args, *one.known)) for one in questions]

    def evalsha(self, sha: str, number_of_keys: int, *rest: Any) -> Any:
        """EVALSHA, with whatever may become of it."""
        if sha not in self._known:
            raise NoScriptError("No matching script")
        name, here = self._known[sha]
        kind = "write" if name.endswith(_WRITES) else "read"
        fate = pause(f"{kind}: {name}")
        server = current().process.server
        sent = Sent(server, here, name, rest[:number_of_keys], rest[number_of_keys:])
        if fate == "late":
            self.late.append(sent)
        if fate in ("late", "unsent"):
            raise TimeoutError("no answer")
        reply = self.run(sent)
        if fate == "lost":
            raise TimeoutError("no answer")
        if fate == "slow":
            pause(f"reply of {name}")
        return reply

    # -- What the server does -----------------------------------------------------------------------------

    def run(self, sent: Sent) -> Any:
        """The script runs, now. Raises ``ConnectionError`` when the server is down."""
        self._answer(sent.server)
        keys = [sent.server + key for key in sent.keys]
        _ok, reply = self._wire(self._tick(), ("EVALSHA", sent.sha, len(keys), *keys, *sent.args))
        self._clock.now_us += 1  # as the script itself has done
        self._on_reply(sent, reply)
        return reply

    def run_late(self) -> None:
        """The oldest script whose caller gave up runs."""
        if self.late and self.late[0].server not in self.down:
            self.run(self.late.pop(0))

    def look(self, server: str, calls: Sequence[tuple[Script, Sequence[str], Sequence[Any]]]) -> list[Any]:
        """The replies of scripts that only read, in one go."""
        commands: list[tuple[Any, ...]] = [self._tick()]
        for script, keys, args in calls:
            there = (server + key for key in keys)
            commands.append(("EVALSHA", _loaded(script.text, self._edits)[1], len(keys), *there, *args))
        self._clock.now_us += len(calls)
        return self._wire(*commands)[1:]

    def have(self, keys: Sequence[str]) -> bool:
        """Whether the main server has all these keys, as the last script left them."""
        return self._wire(("EXISTS", *(self.main + key for key in keys))) == [len(keys)]

    def _tick(self) -> tuple[Any, ...]:
        """The command that sets the servers' clock."""
        return "SET", "clock", self._clock.now_us

    def _answer(self, server: str) -> None:
        if server in self.down:
            raise RedisConnectionError("connection refused")

    # -- Faults -------------------------------------------------------------------------------------------

    def replicate(self) -> None:
        """The replica catches up."""
        self._copy(self.main, self.replica)

    def fail_over(self) -> None:
        """The replica, as far as it has got, is the main server from now on."""
        self.main = self.replica

    def empty(self) -> None:
        """The main server restarts without its data; what was on its way to it is gone."""
        self._copy("nothing/", self.main)
        self.forget_late()

    def restore(self) -> None:
        """The main server restarts from an old dump: what the replica holds."""
        self._copy(self.replica, self.main)
        self.forget_late()

    def forget_late(self) -> None:
        """Connections to the main server break, with what was on its way through them."""
        self.late = [sent for sent in self.late if sent.server != self.main]

    def _copy(self, source: str, target: str) -> None:
        self._wire(("EVAL", _COPY, 0, source, target))
