"""What does PostgreSQL itself remember of a run: every version with its COMMIT, timelines, events?

A trigger of the run's own notes each version of each order with its transaction; with
``track_commit_timestamp`` PostgreSQL keeps when that transaction committed. So every write is known, also one
whose writer did not live to tell.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from events.models import OutboxEvent
from mes.models import WorkOrder, WorkOrderStatusChange
from shop.models import Order, OrderStatusChange

_PREFIX = {"shop_order": "S:", "mes_workorder": "M:"}
_SQL = """
CREATE TABLE IF NOT EXISTS chaos_version (
    id bigserial PRIMARY KEY, key text, version bigint, status text, material text, position bigint,
    xid xid DEFAULT pg_current_xact_id()::xid
);
"""
_TRIGGER = """
CREATE OR REPLACE FUNCTION chaos_note_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos_version (key, version, status, material, position)
    VALUES ('{prefix}' || NEW.number, NEW.version, NEW.status, NEW.material, {position});
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER chaos_note AFTER INSERT OR UPDATE ON {table}
    FOR EACH ROW EXECUTE FUNCTION chaos_note_{table}();
"""


@dataclass(frozen=True, slots=True)
class Version:
    """One committed state of a row; ``committed``, monotonic seconds, is just before others could see it."""

    key: str
    version: int
    status: str
    committed: float
    material: str = ""
    position: int | None = None  # on the board; a Shop's order has none


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a timeline, in the order of writing."""

    key: str
    before: str
    after: str
    actor: int | None
    by: str
    at: datetime
    when: float  # the same moment in monotonic seconds


@dataclass(frozen=True, slots=True)
class Event:
    """One row of the outbox."""

    kind: str
    number: str
    at: datetime
    status: str  # of MES news, else ""
    decided: bool
    handled: bool
    parked: bool


@dataclass
class Tables:
    """All of it, after the queue has come to rest."""

    versions: list[Version] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    #: By key, as the tables of orders have it.
    statuses: dict[str, str] = field(default_factory=dict)


def watch() -> None:
    """From now on every version is noted."""
    with connection.cursor() as cursor:
        cursor.execute(_SQL)
        for table, prefix in _PREFIX.items():
            position = "NEW.position" if prefix == "M:" else "NULL"
            cursor.execute(_TRIGGER.format(table=table, prefix=prefix, position=position))


def collect() -> Tables:
    """Everything that the tables hold by now."""
    # Both clocks are the machine's, and nobody sets it during a run.
    ahead = time.time() - time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT key, version, status, extract(epoch FROM pg_xact_commit_timestamp(xid))::float8,"
            " material, position FROM chaos_version ORDER BY key, version"
        )
        versions = [
            Version(k, v, status, at - ahead, *place) for k, v, status, at, *place in cursor.fetchall()
        ]
    return Tables(versions, list(_lines(ahead)), list(_events()), _statuses())


def _lines(ahead: float) -> Iterator[Line]:
    models: list[tuple[str, Any, str]] = [
        ("S:", OrderStatusChange, "order__number"),
        ("M:", WorkOrderStatusChange, "work_order__number"),
    ]
    for prefix, model, number in models:
        rows = model.objects.order_by("id").values_list(
            number, "from_status", "to_status", "actor_id", "actor_kind", "at"
        )
        for key, *line in rows.iterator():
            yield Line(prefix + key, *line, when=line[-1].timestamp() - ahead)


def _events() -> Iterator[Event]:
    for row in OutboxEvent.objects.order_by("id").iterator():
        yield Event(
            row.kind,
            row.subject,
            datetime.fromisoformat(row.payload["at"]),
            row.payload.get("status", ""),
            row.payload.get("decided", False),
            row.handled_at is not None,
            row.parked_at is not None,
        )


def _statuses() -> dict[str, str]:
    shop = {f"S:{number}": status for number, status in Order.objects.values_list("number", "status")}
    mes = {f"M:{number}": status for number, status in WorkOrder.objects.values_list("number", "status")}
    return shop | mes
