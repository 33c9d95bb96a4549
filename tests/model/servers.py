"""What do the real PostgreSQL and the simulated one answer to the same steps? Both, in the same few words."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import psycopg2
from django.db import connection

from caching.changes import ChangeLog
from caching.counts import Counts
from events.vocabulary import Material, Status
from mes.caches import BOARD
from tests.model.actors import Actor, Clock
from tests.model.items import Item, declare
from tests.model.postgres import INCARNATION_BITS, Connection, Cursor, Database, Session
from tests.threads import until

NEW, MADE = Status.SUBMITTED, Status.PRICE_CALCULATED
Seen = dict[str, tuple[str, str, int]]


class Relayed:
    """What a relay makes of the log: the engine's own code, on either server."""

    def __init__(self, counts: Counts) -> None:
        self.log, self.counts = ChangeLog(), counts

    def poll(self, *, delete: bool) -> tuple[list[tuple[Any, ...]], bool, str]:
        """The changes waiting, whether there are more, and the counts with them; ``delete`` those, or not."""
        waiting = self.log.waiting()
        self.counts.add(waiting.changes)
        if delete:
            self.log.delete(waiting)
            self.counts.forget(waiting.changes)
        found = [(c.id, c.key, c.version, c.old_state, c.new_state) for c in waiting.changes]
        return found, waiting.more, self.counts.published()

    def recount(self) -> str:
        """The counts by GROUP BY."""
        self.counts.recount()
        return self.counts.published()


class Simulated:
    """The model's PostgreSQL, and two sessions there."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.database = Database(self.clock, Item._meta.db_table, lambda: None)
        self.sessions = [self.database.connect() for _ in range(2)]
        self._watcher = self.database.connect()
        self.relayed = Relayed(Counts(declare()[1]))

    def begin(self, number: int, *, repeatable: bool) -> None:
        self.sessions[number].begin(repeatable=repeatable)

    def end(self, number: int, how: str) -> None:
        session = self.sessions[number]
        session.commit() if how == "commit" else session.rollback()

    def write(self, number: int, key: str, operation: str) -> None:
        self.sessions[number].write(key, lambda row: _changed(key, row, operation))

    def allows(self, step: tuple[Any, ...]) -> bool:
        """Whether it makes sense, and would neither wait for another's lock nor fail for an old snapshot."""
        what, *whose = step
        if what == "truncate":
            return not any(session.in_transaction for session in self.sessions)
        if not whose:
            return True
        session = self.sessions[whose[0]]
        if len(whose) == 1:
            return session.in_transaction != what.startswith("begin")
        key = whose[1]
        if not session.in_transaction or key in session.changed:
            return session.in_transaction
        is_old = session.has_snapshot and session.visible().get(key) != self.database.rows.get(key)
        return not (is_old or self.database.is_locked(key))

    def truncate(self) -> None:
        self.sessions[0].truncate()
        self.sessions[0].commit()

    def seen(self, number: int) -> Seen:
        rows = self.sessions[number].visible().items()
        return {key: (row.status, row.text, row.version) for key, row in rows}

    def relay(self, work: Callable[[Relayed], Any]) -> Any:
        """Let the engine's code run here."""
        return self.run(self._watcher, lambda: work(self.relayed))

    def run(self, session: Session, work: Callable[[], Any]) -> Any:
        """Let code run on a session here."""
        stand_in = Connection(self.database)
        actor = Actor("relay", None, session, work)
        with patch("caching.changes.connection", stand_in), patch("caching.counts.connection", stand_in):
            actor.go()
        if actor.error:
            raise actor.error
        return actor.result

    def execute(self, number: int, sql: str, *params: Any) -> Any:
        """One of the statements that the engine sends; its first value."""
        cursor = Cursor(self.sessions[number])
        self.run(self.sessions[number], lambda: cursor.execute(sql, params))
        return cursor.fetchone()[0] if cursor.fetchall() else None

    def wait_for_end(self, _number: int) -> None:
        """Nobody says anything for a while."""
        self.clock.now_us += 1_000_000


class Real:
    """The real PostgreSQL, and two sessions there; numbers it draws are told from where they stood."""

    def __init__(self) -> None:
        self.sessions = [psycopg2.connect(**connection.get_connection_params()) for _ in range(2)]
        for session in self.sessions:
            session.autocommit = True
        self._ask(0, "DELETE FROM mes_workorder")
        self._ask(0, "DELETE FROM caching_change")
        ((incarnation, self._change),) = self._ask(
            0,
            "SELECT nextval('caching_incarnation'), nextval('caching_change_id_seq')",
        )
        self._version = incarnation << INCARNATION_BITS
        self.relayed = Relayed(Counts(BOARD))

    def close(self) -> None:
        for session in self.sessions:
            session.close()

    def _ask(self, number: int, sql: str, *params: Any) -> list[Any]:
        with self.sessions[number].cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall()) if cursor.description else []

    def begin(self, number: int, *, repeatable: bool) -> None:
        self._ask(number, "BEGIN ISOLATION LEVEL " + ("REPEATABLE READ" if repeatable else "READ COMMITTED"))
        self._ask(number, "SELECT count(*) FROM mes_workorder")  # only now it takes its snapshot

    def end(self, number: int, how: str) -> None:
        self._ask(number, how)

    def write(self, number: int, key: str, operation: str) -> None:
        if operation == "delete":
            self._ask(number, "DELETE FROM mes_workorder WHERE number = %s", key)
        elif self._ask(number, "SELECT 1 FROM mes_workorder WHERE number = %s", key):
            self._ask(
                number,
                "UPDATE mes_workorder SET title = title || '.',"
                " status = CASE WHEN %s = 'edit' THEN status WHEN status = %s THEN %s ELSE %s END"
                " WHERE number = %s",
                operation, NEW, MADE, NEW, key,
            )  # fmt: skip
        else:
            self._ask(
                number,
                "INSERT INTO mes_workorder (number, external_id, status, title, material, quantity,"
                " engraving, comment, model, currency, flag, operator_name, created_at, updated_at,"
                " shop_version)"
                " VALUES (%s, '', %s, '', %s, 1, '', '',"
                """ '{"name": "", "size": 0, "sha256": ""}', 'RUB', '', '', now(), now(), 0)""",
                key, NEW, Material.BRASS,
            )  # fmt: skip

    def truncate(self) -> None:
        self._ask(0, "TRUNCATE mes_workorder CASCADE")

    def seen(self, number: int) -> Seen:
        rows = self._ask(number, "SELECT number, status, title, version FROM mes_workorder")
        return {key: (status, title, version - self._version) for key, status, title, version in rows}

    def relay(self, work: Callable[[Relayed], Any]) -> Any:
        """Let the engine's code run here."""
        result = work(self.relayed)
        if isinstance(result, str):
            return result
        changes, more, counts = result
        return [
            (id_ - self._change, key, version and version - self._version, *states)
            for id_, key, version, *states in changes
        ], more, counts  # fmt: skip

    def execute(self, number: int, sql: str, *params: Any) -> Any:
        """One of the statements that the engine sends; its first value."""
        rows = self._ask(number, sql, *params)
        return rows[0][0] if rows else None

    def wait_for_end(self, number: int) -> None:
        """Nobody says anything until PostgreSQL has ended the session."""
        pid = self.sessions[number].info.backend_pid
        until(lambda: not self._ask(1 - number, "SELECT 1 FROM pg_stat_activity WHERE pid = %s", pid))


def _changed(key: str, row: Item | None, operation: str) -> Item | None:
    if operation == "delete":
        return None
    if row is None:
        return Item(key, "", NEW, "", 0, 0, "")
    status = row.status if operation == "edit" else (MADE if row.status == NEW else NEW)
    return replace(row, status=status, text=row.text + ".")


@contextmanager
def both() -> Iterator[tuple[Real, Simulated]]:
    """Both servers, empty."""
    real = Real()
    try:
        yield real, Simulated()
    finally:
        real.close()
