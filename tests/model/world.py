"""How is the real engine put together with the simulated servers? Everything that stands in for something is
in ``_stand_ins``; whatever is not listed there is the product's own code."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import count
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

from django_redis import get_redis_connection

from caching import signals
from caching.load import FallbackLimit
from caching.redis import Breaker, exchange
from caching.relay import Relay
from caching.singleflight import SingleFlight
from tests.model.actors import Actor, Clock, Patience, Promised, current
from tests.model.items import LATEST, Item, declare
from tests.model.postgres import Connection, Database, Session, no_transaction
from tests.model.promise import B_US, History, Promise, Window
from tests.model.valkey import Edits, Sent, Servers
from tests.model.watcher import Watcher

Note = tuple[int, str, str, Any]


class Process:
    """One process: its caches with what they remember, its breaker, its connections."""

    def __init__(self, name: str, server: str, latest: Callable[[], int]) -> None:
        self.name, self.server = name, server
        self.cache, self.board = declare(latest)
        self.caches = [self.cache, self.board]
        self.breaker, self.flights, self.limit = Breaker(), SingleFlight(), FallbackLimit()
        #: What its last client has of each page: (view, limit) -> page.
        self.pages: dict[tuple[int, int], Any] = {}


class _Own:
    """Stands for a module's global: each process of the model has its own."""

    def __init__(self, attribute: str) -> None:
        self._attribute = attribute

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(current().process, self._attribute), name)


class _Log:
    """Stands for the engine's loggers: what they are told becomes part of the story."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def __getattr__(self, _level: str) -> Callable[..., None]:
        return lambda *event, **more: self._world.note(current().name, f"log: {event[-1]}", more)


class Look(NamedTuple):
    """When a reading script ran, and what readers of that server had to be shown then."""

    at_us: int
    floors: Mapping[str, int]


class World:
    """Two servers of each kind, two web processes, two relays, one watcher that polls everything."""

    def __init__(self, edits: Edits = (), patches: Sequence[Any] = ()) -> None:
        self.clock = Clock()
        self.history = History(self.clock)
        self.promise = Promise()
        self.story: list[Note] = []
        self.database = Database(self.clock, Item._meta.db_table, self._committed)
        self.servers = Servers(self.clock, edits, self._replied)
        self.floors: dict[str, dict[str, int]] = {"a/": {}, "b/": {}}
        #: Retention keeps so many rows, whatever their status.
        self.latest = LATEST
        self.webs = [self.new_process(f"web{number}") for number in range(2)]
        self.watcher = Watcher(self.servers, self.promise)
        self.relays: list[Actor] = []
        self._numbers = count(1)
        self._watched = 0
        self._patches = ExitStack()
        for target, stand_in in self._stand_ins().items():
            self._patches.enter_context(patch(target, stand_in))
        for mutation in patches:
            self._patches.enter_context(mutation)
        self.relays = [self.new_relay(number) for number in range(2)]

    def close(self) -> None:
        """End everybody and give the engine back what is its own."""
        for relay in self.relays:
            relay.kill()
        self._patches.close()

    def _stand_ins(self) -> dict[str, Any]:
        connection = Connection(self.database)
        tokens = SimpleNamespace(token_hex=lambda _bytes: f"{next(self._numbers):x}")
        log = _Log(self)
        return {
            # Redis: each script arrives, or not, at a server of the model; a request's, then the relay's.
            "caching.redis.exchange": lambda questions: (
                self.servers.exchange(questions) if current() else exchange(questions)
            ),
            "caching.redis.get_redis_connection": lambda alias: (
                self.servers if current() else get_redis_connection(alias)
            ),
            # PostgreSQL: the engine's own statements, answered by the simulation.
            **{
                f"caching.{module}.connection": connection
                for module in ("declared", "changes", "counts", "leadership")
            },
            "caching.upkeep.transaction.atomic": no_transaction,
            # One database, of one line.
            "caching.declared.installation": lambda: "model",
            "caching.partition.is_ours": lambda _epoch: True,
            "caching.proofs.is_ours": lambda _epoch: True,
            "caching.upkeep.line": lambda: SimpleNamespace(mark=""),
            "caching.upkeep.Upkeep._give_way": lambda _upkeep: None,
            "caching.leadership.say_who_keeps": lambda: None,
            "caching.writing.Token.is_read_here": lambda _token: True,
            "caching.relay.look": lambda _tables: SimpleNamespace(backend=1, of=lambda _models: ("stand",)),
            "caching.kept.verify_triggers": lambda _tables: None,
            # Time, and who waits for it or for another.
            **{
                f"caching.{module}.time": self.clock
                for module in ("redis", "partition", "entity", "leadership", "relay", "kept")
            },
            "caching.entity._pause": Patience(),
            "caching.singleflight.Future": Promised,
            # What each process has of its own, for here they share one interpreter.
            "caching.redis.breaker": _Own("breaker"),
            "caching.signals.breaker": _Own("breaker"),
            "caching.load._flights": _Own("flights"),
            "caching.load._limit": _Own("limit"),
            "caching.signals.caches_of": lambda _model: current().process.caches,
            # Chance, counted: the same steps are always the same story.
            "caching.upkeep.secrets": tokens,
            "caching.entity.uuid": SimpleNamespace(uuid4=lambda: SimpleNamespace(hex=tokens.token_hex(16))),
            # Small batches, so that few rows make chains of scripts.
            **{f"caching.{module}.BATCH": 2 for module in ("upkeep", "entity", "board")},
            "caching.changes.READ_BATCH": 3,
            # Nobody reads these here; and the thread of an earlier test that flushes them is no actor.
            "caching.stats.count": lambda _cache, _outcome: None,
            "caching.stats.flush": lambda: None,
            **{f"caching.{module}.log": log for module in ("relay", "kept", "upkeep", "signals")},
        }

    # -- Who does something -------------------------------------------------------------------------------

    def start(
        self, what: str, process: Process, work: Callable[[], Any], session: Session | None = None
    ) -> Actor:
        """Somebody who is about to do something in a process, with a database connection of their own."""
        actor = Actor(f"{process.name} {what}", process, session or self.database.connect(), work)
        actor.stored = 0
        return actor

    def new_process(self, name: str) -> Process:
        """A process that knows nothing yet."""
        return Process(name, self.servers.main, lambda: self.latest)

    def new_relay(self, number: int) -> Actor:
        """A relay process that is about to try and lead."""
        process = self.new_process(f"relay{number}")
        runs: Any = Relay(process.caches).run
        return self.start("relay", process, lambda: runs(Patience()))

    def flush(self, web: Process, versions: dict[str, int]) -> Actor:
        """Layer 1 of a transaction that has just been committed."""
        return self.start(f"signals {versions}", web, lambda: signals._flush({Item: versions}))

    def passes(self, rounds: int = 3) -> None:
        """The relays do what they do all the time."""
        for _ in range(rounds):
            for relay in self.relays:
                relay.go()

    def leader(self) -> int:
        """The number of the relay that leads; 0 if none does."""
        lead = self.database.leader
        return next((number for number, relay in enumerate(self.relays) if relay.session is lead), 0)

    def let_time_pass(self, ms: int) -> None:
        """The clock moves on."""
        self.clock.now_us += ms * 1000
        self.note("", f"{ms} ms pass", "")

    def is_fenced(self) -> bool:
        """Whether every partition has its fence."""
        partitions = [partition for cache in self.webs[0].caches for partition in cache.partitions]
        return self.servers.have([partition.key("fence") for partition in partitions])

    # -- Faults of Redis ----------------------------------------------------------------------------------

    def processes(self) -> list[Process]:
        """All of them: web processes, then relays."""
        return [*self.webs, *(relay.process for relay in self.relays)]

    def left_behind(self) -> list[Process]:
        """Those who have not noticed yet which server is the main one."""
        return [process for process in self.processes() if process.server != self.servers.main]

    def reconnect(self) -> None:
        """Everybody notices which server is the main one."""
        for process in self.processes():
            process.server = self.servers.main

    def redis(self, what: str) -> None:
        """What befalls the servers."""
        self.note("redis", what, self.servers.main)
        servers, floors = self.servers, self.floors
        if what == "down":
            servers.down.add(servers.main)
            return
        if what == "fail over":  # nobody has noticed yet
            servers.fail_over()
        elif what == "replicate":  # one that had been the main server loses whoever was still with it
            self.reconnect()
            servers.replicate()
            floors[servers.replica] = dict(floors[servers.main])
        elif what == "empty":
            servers.empty()
        elif what == "restore":
            servers.restore()
            floors[servers.main] = dict(floors[servers.replica])
        servers.down.discard(servers.main)

    # -- What is written down -----------------------------------------------------------------------------

    def note(self, who: str, what: str, more: Any) -> None:
        """A line of the story."""
        self.story.append((self.clock.now_us, who, what, more))

    def told(self) -> str:
        """The story so far, for a person."""
        start = self.story[0][0] if self.story else 0
        return "\n".join(
            f"{(at - start) / 1000:>9.0f} ms  {who:32} {what:24} {more}" for at, who, what, more in self.story
        )

    def _committed(self) -> None:
        self.history.record(self.database.rows)
        rows = {key: (row.version, row.status, row.position) for key, row in self.database.rows.items()}
        self.note("postgres", "commit", rows)

    def _replied(self, sent: Sent, reply: Any) -> None:
        actor = current()
        self.note(actor.name if actor else "late", f"{sent.server}{sent.name}", (sent.args, reply))
        if actor is None:
            return
        if sent.name.endswith("_put"):
            actor.stored += reply[0] != b"refused"
        actor.looked = Look(self.clock.now_us, dict(self.floors[sent.server]))

    # -- The promise --------------------------------------------------------------------------------------

    def window(self, look: Look) -> Window:
        """What a hit of that moment may show."""
        return Window(self.history, look.at_us - B_US, self.clock.now_us, look.floors)

    def watch(self, window: Window | None = None) -> None:
        """Look at everything a reader could hit right now, on every server somebody uses. It has to be what
        the promise allows, or what a given ``window`` does."""
        if self._watched == len(self.story) and window is None:
            return  # nothing has happened
        self._watched = len(self.story)
        for server in sorted({self.servers.main, *(web.server for web in self.webs)}):
            if server not in self.servers.down:
                look = Look(self.clock.now_us, self.floors[server])
                self.watcher.watch(server, window or self.window(look))
