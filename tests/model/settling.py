"""When all faults are over and nobody writes, is everything served from the cache, and as it is now?"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from caching.board import Page
from tests.model.items import KEYS, MADE, Filters
from tests.model.promise import Violation, rows_of
from tests.model.world import World

if TYPE_CHECKING:
    from tests.model.machine import Machine

_ROUND_MS = 600  # shorter than B, so that the relay that leads goes on leading
_QUIET_ROUNDS = 4  # longer than B together: fences that a copy brought along are over
_MOST_ROUNDS = 30


def settle(machine: "Machine") -> None:
    """End the faults, let everybody finish, wait for the fences, then compare everything."""
    world = machine.world
    for web in list(machine.transactions):
        machine.rollback(web)
    world.servers.down.clear()
    world.reconnect()
    while world.servers.late:
        world.servers.run_late()
    for number in range(_MOST_ROUNDS):
        world.let_time_pass(_ROUND_MS)
        world.passes(1)
        for actor, _check in machine.actors:
            actor.go()
        machine.check()
        is_quiet = not machine.actors and not world.database.changes and world.is_fenced()
        if is_quiet and number >= _QUIET_ROUNDS:
            return compare(world)
    raise Violation("the caches never came back")


def compare(world: World) -> None:
    """Everything that anybody can ask for is what PostgreSQL holds now."""
    window, web = world.history.now(), world.webs[0]
    world.watch(window)
    for key in KEYS:
        world.promise.row(key, _ask(world, lambda key=key: web.cache.read(key)), window)
    for filters in ({}, {"status": MADE}):
        _walk(world, filters)


def _walk(world: World, filters: Filters) -> None:
    """Every page of a view, one row each."""
    window, after = world.history.now(), None
    while True:
        page: Page = _ask(world, lambda after=after: world.webs[0].board.page(filters, 1, after))
        if "bypass" in page.status:
            raise Violation("the board never came back")
        world.promise.page(filters, after, page.next_after, rows_of(page), window)
        after = page.next_after
        if after is None:
            return


def _ask(world: World, work: Callable[[], Any]) -> Any:
    reader = world.start("compare", world.webs[0], work)
    for _ in range(_MOST_ROUNDS):
        reader.go()
        if reader.dead:
            break
        world.let_time_pass(_ROUND_MS)  # somebody who died may still hold the lock to fill what it wants
        world.passes(1)
    else:
        raise Violation(f"{reader.name} is never answered")
    if reader.error:
        raise reader.error
    return reader.result
