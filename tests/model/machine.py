"""What may happen, in any order: the rules of the state machine, each a step of somebody or a fault."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import InterfaceError, OperationalError
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant

from caching.board import Page
from caching.entity import Found
from caching.redis import CacheUnavailable
from tests.model.actors import Actor
from tests.model.items import KEYS, LATEST, VIEWS
from tests.model.promise import Window, rows_of
from tests.model.settling import settle
from tests.model.steps import (
    DISASTERS,
    MOST_ACTORS,
    SERVER_FAULTS,
    fates,
    keys,
    relays_pass,
    step,
    stops,
    times_ms,
    web_numbers,
)
from tests.model.writers import Writers

ROUND_MS = 1_900  # shorter than B: who leads goes on leading


class Machine(Writers):
    """The engine among faults. A rule that makes no sense now does nothing, so that any sequence of steps
    can be replayed and shortened."""

    @step(
        initialize, rows=st.integers(0, 3), made=st.integers(0, 3), latest=st.integers(2, 3),
        cold=st.booleans(), disasters=st.booleans(),
    )  # fmt: skip
    def begin(
        self, rows: int, cold: bool, disasters: bool = True, made: int = 0, latest: int = LATEST
    ) -> None:
        """Some rows, the first of them ``made``, of which retention keeps the ``latest``, and a relay that
        leads; ``cold``: the relay begins when the log no longer knows them.

        In half of the stories there are no ``disasters``: an epoch is over so soon where there are, that
        long races within one are hardly met (swarm testing, Groce et al. 2012).
        """
        self.has_disasters, self.world.latest = disasters, latest
        for key in KEYS[:rows]:
            self.write(web=0, key=key, operation="edit", layer="none")
        for key in KEYS[: min(made, rows)]:
            self.write(web=0, key=key, operation="move", layer="none")
        if cold:
            self.world.database.changes.clear()
        self.world.passes()
        if disasters:
            self.world.redis("replicate")

    # -- Readers ------------------------------------------------------------------------------------------

    @step(web=web_numbers, key=keys, stop=stops)
    def read(self, web: int, key: str, stop: str) -> None:
        """A single row; it may stop on the way."""
        process = self.world.webs[web]
        asked = self.world.history.now()
        reader = self.world.start(f"read {key}", process, lambda: process.cache.read(key))
        self.enter(reader, stop, lambda actor: self._check_row(actor, key, asked))

    @step(only_if=lambda self: self.transactions, web=web_numbers, key=keys)
    def read_inside(self, web: int, key: str) -> None:
        """A single row, inside an open transaction: what that sees is nobody else's business."""
        web = web if web in self.transactions else 1 - web
        if web in self.transactions:
            process, (session, _versions) = self.world.webs[web], self.transactions[web]
            reader = self.world.start(f"read inside {key}", process, lambda: process.cache.read(key), session)
            self.enter(reader, "end", self._check_error)

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
        self.enter(reader, stop, lambda actor: self._check_page(actor, (view, limit, after), known, asked))

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
        if "fwd=" in status:
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
        self.world.webs[web] = self.world.new_process(old.name)

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
            self.enter(self.world.start(what, process, work), stop, self._check_error)

    # -- Time and faults ----------------------------------------------------------------------------------

    @step(ms=times_ms, relays=relays_pass)
    def time_passes(self, ms: int, relays: bool) -> None:
        """The clock moves on; the relays do their passes meanwhile, or are frozen."""
        if relays:
            self.world.passes(1)
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

    @step(only_if=lambda self: self.has_disasters, what=st.sampled_from(SERVER_FAULTS))
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
        only_if=lambda self: self.has_disasters,
        what=st.sampled_from(DISASTERS),
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
