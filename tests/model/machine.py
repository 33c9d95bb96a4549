"""What may happen, in any order: the rules of the state machine, each a step of somebody or a fault."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial, wraps
from typing import Any

from django.db import InterfaceError, OperationalError
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from caching.board import Page
from caching.entity import Found
from caching.redis import CacheUnavailable
from tests.model.actors import FATES, Actor
from tests.model.items import KEYS, MADE, MATERIALS, NEW, VIEWS, Item
from tests.model.postgres import Session
from tests.model.promise import Window, rows_of
from tests.model.settling import settle
from tests.model.world import Process, World

MOST_ACTORS = 5
ROUND_MS = 1_900  # shorter than B: who leads goes on leading
OPERATIONS = ("edit", "move", "melt", "delete")
web_numbers = st.integers(0, 1)
# Most of what can go wrong does so among those who want the same row, while the fence stands.
keys = st.sampled_from((KEYS[0], KEYS[0], *KEYS))
operations = st.sampled_from(OPERATIONS)
stops = st.sampled_from(("end", "write", "write", "reply", "step"))
layers = st.sampled_from(("signals", "stopped signals", "none"))
fates = st.sampled_from(("ok", "ok", "ok", *FATES[1:]))
times_ms = st.sampled_from((30, 300, 1_000, 2_100, 5_100, 71_000))
relays_pass = st.sampled_from((True, True, False))


def step(decorate: Any = rule, only_if: Callable[["Machine"], Any] | None = None, **arguments: Any) -> Any:
    """A rule that is written down when it is taken, so that its sequence can be kept and replayed.

    ``only_if`` spares the machine steps that would do nothing.
    """

    def decorator(function: Any) -> Any:
        @wraps(function)
        def taken(self: "Machine", **values: Any) -> None:
            if not self.is_inside:  # some steps are made of others
                self.steps.append((function.__name__, values))
            was_inside, self.is_inside = self.is_inside, True
            try:
                function(self, **values)
            finally:
                self.is_inside = was_inside

        made = decorate(**arguments)(taken)
        return precondition(only_if)(made) if only_if else made

    return decorator


class Machine(RuleBasedStateMachine):
    """The engine among faults. A rule that makes no sense now does nothing, so that any sequence of steps
    can be replayed and shortened."""

    #: What is taken from the engine, if anything; set by who runs the machine.
    make_world: Callable[[], World] = World

    def __init__(self) -> None:
        super().__init__()
        self.world = self.make_world()
        self.actors: list[tuple[Actor, Callable[[Actor], None]]] = []
        self.transactions: dict[int, tuple[Session, dict[str, int]]] = {}
        self.steps: list[tuple[str, dict[str, Any]]] = []
        self.is_inside = False
        self.broken_by: BaseException | None = None

    # -- Writers ------------------------------------------------------------------------------------------

    @step(initialize, rows=st.integers(0, 3), cold=st.booleans())
    def begin(self, rows: int, cold: bool) -> None:
        """Some rows, and a relay that leads; ``cold``: the relay begins when the log no longer knows them."""
        for key in KEYS[:rows]:
            self.write(web=0, key=key, operation="edit", layer="none")
        if cold:
            self.world.database.changes.clear()
        self.world.passes()

    @step(web=web_numbers, key=keys, operation=operations, layer=layers)
    def write(self, web: int, key: str, operation: str, layer: str) -> None:
        """A transaction in one go, by the ORM (layer 1 follows, or stops before a put) or by raw SQL."""
        if web not in self.transactions:
            self.begin_write(web=web, key=key, operation=operation, repeatable=False)
            self.commit(web=web, layer=layer)

    @step(web=web_numbers, key=keys, operation=operations, repeatable=st.booleans())
    def begin_write(self, web: int, key: str, operation: str, repeatable: bool) -> None:
        """Change a row in a transaction that stays open."""
        if web not in self.transactions:
            session = self.world.database.connect()
            session.begin(repeatable=repeatable)
            self.transactions[web] = (session, {})
        session, versions = self.transactions[web]
        if self.world.database.is_locked(key) and key not in session.changed:
            return  # it would wait for another's row lock
        old = session.visible().get(key)
        if session.has_snapshot and key not in session.changed and old != self.world.database.rows.get(key):
            return  # could not serialize access
        session.write(key, lambda row: self._changed(key, row, operation))
        if old is None and session.changed.get(key) is None:
            return  # there was nothing to delete
        # What the signal's instance knows: the version it was loaded with, or got by its INSERT.
        versions.setdefault(key, (old or session.changed[key]).version)
        self.world.note(f"web{web}", operation, (key, session.changed[key]))

    @step(only_if=lambda self: self.transactions, web=web_numbers, layer=layers)
    def commit(self, web: int, layer: str) -> None:
        """Commit; then layer 1 runs, or stops before its first put, or never runs."""
        web = web if web in self.transactions else 1 - web
        session, versions = self.transactions.pop(web, (None, {}))
        if session is None:
            return
        states = {}
        try:
            session.commit()
            states = {key: self.world.history.newest(key) for key in versions}
        except OperationalError:  # PostgreSQL has crashed meanwhile
            return
        finally:
            session.end()
        if layer == "none" or not versions:
            return
        process = self.world.webs[web]
        flush = self.world.flush(process, dict(versions))
        parts = len(process.cache.partitions_of(versions)) + 1
        self._run(flush, "end" if layer == "signals" else "write", lambda a: self._vouch(a, parts, states))

    def rollback(self, web: int) -> None:
        """Roll back."""
        session, _versions = self.transactions.pop(web, (None, {}))
        if session is not None:
            session.rollback()
            session.end()

    def truncate(self) -> None:
        """TRUNCATE; it would wait for open transactions."""
        if not self.transactions:
            session = self.world.database.connect()
            session.truncate()
            session.commit()
            session.end()

    def _changed(self, key: str, row: Item | None, operation: str) -> Item | None:
        next_one = self.world.database.next
        if operation == "delete":
            return None
        if row is None:
            number = next_one("position")
            return Item(key, f"owner{number}", NEW, MATERIALS[number % 2], number, 0, f"text{number}")
        if operation == "move" and row.status == NEW:
            return replace(row, status=MADE)
        if operation == "move":
            return replace(row, status=NEW, position=next_one("position"))
        if operation == "melt":
            return replace(row, material=MATERIALS[1 - MATERIALS.index(row.material)])
        return replace(row, text=row.text + "'")

    def _vouch(self, flush: Actor, parts: int, states: dict[str, int]) -> None:
        """A write whose every put was accepted can be seen by everybody from now on."""
        if flush.stored == parts:
            floors = self.world.floors[flush.process.server]
            for key, number in states.items():
                floors[key] = max(number, floors.get(key, 0))

    # -- Readers ------------------------------------------------------------------------------------------

    @step(web=web_numbers, key=keys, stop=stops)
    def read(self, web: int, key: str, stop: str) -> None:
        """A single row; it may stop on the way."""
        process = self.world.webs[web]
        asked = self.world.history.now()
        reader = self.world.start(f"read {key}", process, lambda: process.cache.read(key))
        self._run(reader, stop, lambda actor: self._check_row(actor, key, asked))

    @step(only_if=lambda self: self.transactions, web=web_numbers, key=keys)
    def read_inside(self, web: int, key: str) -> None:
        """A single row, inside an open transaction: what that sees is nobody else's business."""
        web = web if web in self.transactions else 1 - web
        if web in self.transactions:
            process, (session, _versions) = self.world.webs[web], self.transactions[web]
            reader = self.world.start(f"read inside {key}", process, lambda: process.cache.read(key), session)
            self._run(reader, "end", self._check_error)

    @step(
        web=web_numbers, view=st.integers(0, len(VIEWS) - 1), limit=st.integers(1, 3), follows=st.booleans(),
        stop=stops,
    )  # fmt: skip
    def page(self, web: int, view: int, limit: int, follows: bool, stop: str) -> None:
        """A page of the board, the first or the one after; the client says which it has already."""
        process = self.world.webs[web]
        kept = process.pages.get((view, limit))
        after = kept.next_after if follows and kept else None
        known = kept if kept and after is None else None
        etag = known.etag if known else None
        asked = self.world.history.now()
        reader = self.world.start(
            f"page {VIEWS[view]}", process, lambda: process.board.page(VIEWS[view], limit, after, etag)
        )
        self._run(reader, stop, lambda actor: self._check_page(actor, (view, limit, after), known, asked))

    def _check_row(self, reader: Actor, key: str, asked: Window) -> None:
        found: Found | None = reader.result
        if found is None:
            self._check_error(reader)
        else:
            self.world.promise.row(key, found, self._window(reader, found.status, asked))

    def _check_page(
        self, reader: Actor, place: tuple[int, int, int | None], known: Page | None, asked: Window
    ) -> None:
        page: Page | None = reader.result
        if page is None:
            return self._check_error(reader)
        view, limit, after = place
        window = self._window(reader, page.status, asked)
        page = known if page.rows is None and known else page
        self.world.promise.page(VIEWS[view], after, page.next_after, rows_of(page), window)
        if page.count is not None:
            self.world.promise.count(VIEWS[view], page.count, window)
        if after is None:
            reader.process.pages[view, limit] = page
        return None

    def _window(self, reader: Actor, status: str, asked: Window) -> Window:
        """From PostgreSQL comes only what was current since the question; from the cache, since B before."""
        if "bypass" in status or "miss" in status:
            return asked.longer(self.world.clock.now_us)
        return self.world.window(reader.looked)

    def _check_error(self, actor: Actor) -> None:
        """A lost PostgreSQL is an error to its clients; a lost Redis never is."""
        if actor.error and not isinstance(actor.error, OperationalError | InterfaceError | CacheUnavailable):
            raise actor.error

    # -- Whoever stands somewhere goes on, or dies --------------------------------------------------------

    @step(only_if=lambda self: self.actors, number=st.integers(0, MOST_ACTORS - 1), until=stops, fate=fates)
    def go_on(self, number: int, until: str, fate: str) -> None:
        """Somebody who stood before a call makes it; ``fate`` is what becomes of it."""
        if self.actors:
            self.actors[number % len(self.actors)][0].go(until, fate)

    def kill_web(self, web: int) -> None:
        """A web process dies with all it was doing."""
        old = self.world.webs[web]
        for actor, _check in self.actors:
            if actor.process is old:
                actor.kill()
        self.actors = [pair for pair in self.actors if pair[0].process is not old]
        self.rollback(web)
        self.world.webs[web] = Process(old.name, self.world.servers.main)

    @step(number=st.integers(0, 2), until=stops, fate=fates)
    def relay(self, number: int, until: str, fate: str) -> None:
        """A relay goes on: to the end of its pass, or less far. One that isn't stepped is frozen. Number 2 is
        both, for some passes."""
        if number == 2:
            self.world.passes()
        else:
            self.world.relays[number].go(until, fate)

    def kill_relay(self, number: int) -> None:
        """A relay dies."""
        self.world.relays[number].kill()
        self.world.relays[number] = self.world.new_relay(number)

    @step(web=web_numbers, what=st.sampled_from(("trim", "warm")), stop=stops)
    def chore(self, web: int, what: str, stop: str) -> None:
        """Retention is enforced, or an engineer warms the caches."""
        process = self.world.webs[web]
        works: list[Callable[[], Any]] = [process.board.trim]
        if what == "warm":
            works = [partial(cache.write_through, dict.fromkeys(KEYS, 0)) for cache in process.caches]
        for work in works:
            self._run(self.world.start(what, process, work), stop, self._check_error)

    # -- Time and faults ----------------------------------------------------------------------------------

    @step(ms=times_ms, relays=relays_pass)
    def time_passes(self, ms: int, relays: bool) -> None:
        """The clock moves on; the relays do their passes meanwhile, or are frozen."""
        while relays and ms > ROUND_MS:
            self.world.let_time_pass(ROUND_MS)
            self.world.passes(1)
            ms -= ROUND_MS
        self.world.let_time_pass(ms)
        if relays:
            self.world.passes()

    @step(only_if=lambda self: self.world.servers.late)
    def late_script(self) -> None:
        """A script whose caller gave up long ago runs."""
        self.world.servers.run_late()

    @step(what=st.sampled_from(("replicate", "fail over", "empty", "restore", "down", "up")))
    def redis(self, what: str) -> None:
        """The replica catches up, or becomes the main server; or the main server loses all its data, gets
        older data back, is stopped or started."""
        self.world.redis(what)

    @step(only_if=lambda self: self.world.left_behind(), number=st.integers(0, 3))
    def reconnect(self, number: int) -> None:
        """A process notices which server is the main one."""
        processes = self.world.left_behind()
        if processes:
            process = processes[number % len(processes)]
            process.server = self.world.servers.main
            self.world.note(process.name, "connects to", process.server)

    @step(
        what=st.sampled_from(("kill relay", "kill web", "rollback", "truncate", "kill postgres")),
        number=web_numbers,
    )
    def disaster(self, what: str, number: int) -> None:
        """kill -9 of a process, and another starts in its place; or a ROLLBACK, or a TRUNCATE."""
        if what == "kill relay":
            self.kill_relay(number)
        elif what == "kill web":
            self.kill_web(number)
        elif what == "rollback":
            self.rollback(number)
        elif what == "truncate":
            self.truncate()
        else:
            self.world.database.crash()
            self.transactions.clear()

    # -- The promise --------------------------------------------------------------------------------------

    def _run(self, actor: Actor, stop: str, check: Callable[[Actor], None]) -> None:
        actor.go("end" if len(self.actors) >= MOST_ACTORS else stop)
        self.actors.append((actor, check))

    @invariant()
    def check(self) -> None:
        """What everybody who has finished was told, and what anybody would be told now."""
        try:
            for relay in self.world.relays:
                if relay.error:  # it runs for ever
                    raise relay.error
            for actor, check in self.actors:
                if actor.dead:
                    check(actor)
            self.actors = [pair for pair in self.actors if not pair[0].dead]
            self.world.watch()
        except BaseException as error:
            self.broken_by = error
            raise

    def teardown(self) -> None:
        """Let the dust settle: then everything is served from the cache again, and is as it is now."""
        try:
            if self.broken_by is None:
                settle(self)
        except BaseException as error:
            self.broken_by = error
            raise
        finally:
            for actor, _check in self.actors:
                actor.kill()
            self.world.close()
