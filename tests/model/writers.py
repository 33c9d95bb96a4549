"""Who writes, and what becomes of it: the machine's rules of transactions and of layer 1."""

from dataclasses import replace

from django.db import OperationalError
from hypothesis import strategies as st

from tests.model.actors import Actor
from tests.model.items import MADE, MATERIALS, NEW, Item
from tests.model.steps import Stage, keys, layers, operations, step, web_numbers


class Writers(Stage):
    """Transactions in one go or left open; layer 1 follows, stops or is killed."""

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
        self.enter(flush, "end" if layer == "signals" else "write", lambda a: self._vouch(a, parts, states))

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
