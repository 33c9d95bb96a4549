"""What does PostgreSQL do for the engine? Committed rows, transactions, the change log, one lock: in memory.

It answers the statements that the engine sends and no other, so an engine that asks something new fails
loudly here; ``test_simulation.py`` holds its answers against the real server's. READ COMMITTED: a statement
sees what was committed when it began, and its own transaction's changes; a transaction may ask for one
snapshot (REPEATABLE READ) instead.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from django.db import OperationalError

from tests.model.actors import Clock, current, pause

INCARNATION_BITS = 20


@dataclass(frozen=True, slots=True)
class Logged:
    """One row of caching_change."""

    id: int
    xid: int
    key: str | None
    version: int
    old_state: str | None
    new_state: str | None


class Database:
    """The server: what is committed, and who is connected."""

    def __init__(self, clock: Clock, table: str, on_commit: Callable[[], None]) -> None:
        self.clock, self.table = clock, table
        self.rows: dict[str, Any] = {}
        self.changes: dict[int, Logged] = {}
        self.sessions: set[Session] = set()
        self.leader: Session | None = None
        self.last_over = 0  # the newest transaction that has ended
        self._on_commit = on_commit
        self._next = {"xid": 1, "change": 1, "incarnation": 1, "position": 1}

    def next(self, sequence: str) -> int:
        """``nextval``: never rolled back."""
        value = self._next[sequence]
        self._next[sequence] = value + 1
        return value

    def connect(self) -> "Session":
        """A new session."""
        session = Session(self)
        self.sessions.add(session)
        return session

    def snapshot(self) -> str:
        """``pg_current_snapshot``: oldest running, next to begin, those running between them. The one after
        the last that is over counts as next: those that run from there on need not be listed."""
        following = self.last_over + 1
        running = sorted(session.xid for session in self.sessions if session.xid and session.xid < following)
        return f"{min(running, default=following)}:{following}:{','.join(map(str, running))}"

    def is_locked(self, key: str) -> bool:
        """Whether an open transaction has changed this row: another would have to wait for it."""
        return any(key in session.changed for session in self.sessions)

    def committed(self, session: "Session") -> None:
        """Make a session's transaction visible, all at once."""
        for key, row in session.changed.items():
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row
        self.changes.update({change.id: change for change in session.logged})
        self._on_commit()

    def crash(self) -> None:
        """kill -9 of the server: every session ends."""
        for session in list(self.sessions):
            session.end()


class Session:
    """One connection, seen from both ends."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.closed = 0  # as psycopg2 says it: 0 is open, 2 is broken
        self.in_transaction = False
        self.xid: int | None = None
        self.changed: dict[str, Any] = {}
        self.logged: list[Logged] = []
        self._snapshot: dict[str, Any] | None = None
        self._ended = False
        self._idle_limit_us: int | None = None
        self._used_us = database.clock.now_us

    # -- Statements ---------------------------------------------------------------------------------------

    def statement(self, what: str) -> None:
        """Others act, then the statement begins. Raises ``OperationalError`` when the session is over."""
        pause(what)
        self.touch()

    def touch(self) -> None:
        """A statement arrives."""
        if self.is_over:
            self.closed = 2
            raise OperationalError("terminating connection")
        self._used_us = self.database.clock.now_us

    @property
    def is_over(self) -> bool:
        """Whether the server has ended the session, for idling too long if not for anything else."""
        idle_us = self.database.clock.now_us - self._used_us
        if self._idle_limit_us is not None and idle_us > self._idle_limit_us:
            self.end()
        return self._ended

    def visible(self) -> dict[str, Any]:
        """The rows that a statement of this session sees now."""
        rows = dict(self.database.rows if self._snapshot is None else self._snapshot)
        for key, row in self.changed.items():
            if row is None:
                rows.pop(key, None)
            else:
                rows[key] = row
        return rows

    @property
    def has_snapshot(self) -> bool:
        """Whether all its statements see one and the same past."""
        return self._snapshot is not None

    def limit_idling(self, seconds: float) -> None:
        """``idle_session_timeout``."""
        self._idle_limit_us = int(seconds * 1_000_000)

    def lock(self) -> bool:
        """``pg_try_advisory_lock``."""
        holder = self.database.leader
        if holder is None or holder is self or holder.is_over:
            self.database.leader = self
        return self.database.leader is self

    # -- Transactions -------------------------------------------------------------------------------------

    def begin(self, *, repeatable: bool = False) -> None:
        """``BEGIN``, with one snapshot for all its statements if ``repeatable``."""
        self.in_transaction = True
        self._snapshot = dict(self.database.rows) if repeatable else None

    def write(self, key: str, change: Callable[[Any], Any]) -> None:
        """Insert (the row was None), update or delete (it becomes None) one row, triggers included."""
        old = self.visible().get(key)
        new = change(old)
        if old is None and new is None:
            return
        if new is not None:
            first = self.database.next("incarnation") << INCARNATION_BITS if old is None else 0
            new = replace(new, version=first or old.version + 1)
        self.changed[key] = new
        self._log(key, (new or old).version, old and old.status, new and new.status)

    def truncate(self) -> None:
        """``TRUNCATE``."""
        self.changed = dict.fromkeys(self.database.rows)
        self._log(None, 0, None, None)

    def commit(self) -> None:
        """``COMMIT``."""
        self.touch()
        self._over()
        self.database.committed(self)
        self._forget()

    def rollback(self) -> None:
        """``ROLLBACK``."""
        self._forget()

    def end(self) -> None:
        """The server ends the session; the client learns of it by its next statement."""
        self._ended = True
        self._forget()
        self.database.sessions.discard(self)
        if self.database.leader is self:
            self.database.leader = None

    def _log(self, key: str | None, version: int, old: str | None, new: str | None) -> None:
        self.xid = self.xid or self.database.next("xid")
        self.logged.append(Logged(self.database.next("change"), self.xid, key, version, old, new))

    def _over(self) -> None:
        self.database.last_over = max(self.database.last_over, self.xid or 0)
        self.xid = None

    def _forget(self) -> None:
        self._over()
        self.changed, self.logged = {}, []
        self._snapshot, self.in_transaction = None, False


class Connection:
    """In place of ``django.db.connection``: the session of whoever runs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.ops = self

    @property
    def connection(self) -> Session | None:
        """The driver's connection."""
        session: Session | None = current().session
        return session

    @property
    def in_atomic_block(self) -> bool:
        """Whether a transaction is open."""
        session = self.connection
        return session is not None and session.in_transaction

    def ensure_connection(self) -> None:
        """Connect, if there is no connection."""
        if current().session is None:
            current().session = self._database.connect()

    def close(self) -> None:
        """Hang up."""
        if current().session is not None:
            current().session.end()
            current().session = None

    def quote_name(self, name: str) -> str:
        """A name as SQL spells it."""
        return f'"{name}"'

    def cursor(self) -> Any:
        """A cursor for a ``with`` block."""
        self.ensure_connection()
        return nullcontext(Cursor(current().session))


class Cursor:
    """Answers the engine's own SQL."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows: list[tuple[Any, ...]] = []

    def execute(self, sql: str, params: Any = ()) -> None:
        """Run one of the statements known here."""
        for beginning, what, answer in STATEMENTS:
            if sql.startswith(beginning):
                self._session.statement(what)
                self._rows = list(answer(self._session, sql, params))
                return
        raise AssertionError(f"the simulated PostgreSQL doesn't know this statement: {sql}")

    def fetchone(self) -> tuple[Any, ...]:
        """The first row."""
        return self._rows[0]

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows."""
        return self._rows


def _read_changes(session: Session, _sql: str, params: Any) -> Iterator[tuple[Any, ...]]:
    following, running, limit = params
    database, snapshot = session.database, session.database.snapshot()
    found = [c for c in database.changes.values() if c.xid >= int(following) or str(c.xid) in running]
    found.sort(key=lambda c: (c.xid, c.id))
    for c in found[:limit]:
        yield snapshot, c.id, database.table, c.key, c.version, c.old_state, c.new_state
    if not found:
        yield (snapshot, *[None] * 6)


def _delete_changes(session: Session, _sql: str, params: Any) -> list[tuple[Any, ...]]:
    for number in params[0]:
        session.database.changes.pop(number, None)
    return []


def _recount(session: Session, _sql: str, _params: Any) -> list[tuple[Any, ...]]:
    states = [row.status for row in session.visible().values()]
    return [({state: states.count(state) for state in set(states)}, list(session.database.changes))]


def _set(session: Session, sql: str, params: Any) -> list[tuple[Any, ...]]:
    if "'idle_session_timeout'" in sql:
        session.limit_idling(float(params[0].removesuffix("s")))
    return []


#: How a statement begins, what it is called where an actor stops before it, and its answer.
STATEMENTS: tuple[tuple[str, str, Callable[[Session, str, Any], Any]], ...] = (
    ("SELECT pg_current_snapshot", "sql changes", _read_changes),
    ("DELETE FROM caching_change", "write: sql delete changes", _delete_changes),
    ("SELECT (SELECT coalesce(json_object_agg", "sql recount", _recount),
    ("SELECT pg_try_advisory_lock", "sql lock", lambda session, *_: [(session.lock(),)]),
    ("SELECT set_config", "sql set", _set),
    ("SET ", "sql set", _set),
    ("SELECT 1", "sql ping", lambda *_: [(1,)]),
)


class Query:
    """In place of a QuerySet: what the engine asks of one."""

    def __init__(self, **state: Any) -> None:
        self._conditions: dict[str, Any] = state.get("conditions", {})
        self._order: str = state.get("order", "number")
        self._limit: int | None = state.get("limit")

    def _with(self, **state: Any) -> "Query":
        mine = {"conditions": self._conditions, "order": self._order, "limit": self._limit}
        return Query(**{**mine, **state})

    def filter(self, **conditions: Any) -> "Query":
        """Column, ``column__in`` or ``column__lt``."""
        return self._with(conditions={**self._conditions, **conditions})

    def order_by(self, column: str) -> "Query":
        """By one column."""
        return self._with(order=column)

    def __getitem__(self, part: slice) -> "Query":
        return self._with(limit=part.stop)

    def iterator(self, chunk_size: int) -> Iterator[Any]:
        """A server-side cursor: all of it as it was when it was opened."""
        return iter(self)

    def __iter__(self) -> Iterator[Any]:
        if any(name.endswith("__in") and not value for name, value in self._conditions.items()):
            return iter(())  # Django doesn't ask then
        session = current().session
        session.statement("sql rows")
        column, descending = self._order.removeprefix("-"), self._order.startswith("-")
        found = [row for row in session.visible().values() if self._holds(row)]
        found.sort(key=lambda row: getattr(row, column), reverse=descending)
        pause("reply: rows")
        return iter(found[: self._limit])

    def _holds(self, row: Any) -> bool:
        return all(_compare(row, name, value) for name, value in self._conditions.items())


def _compare(row: Any, name: str, value: Any) -> bool:
    column, _, how = name.partition("__")
    if how == "in":
        return getattr(row, column) in value
    if how == "lt":
        return bool(getattr(row, column) < value)
    return bool(getattr(row, column) == value)


def no_transaction(_using: Mapping[str, Any] | None = None) -> Any:
    """In place of ``transaction.atomic``: READ COMMITTED statements see the same with and without."""
    return nullcontext()
