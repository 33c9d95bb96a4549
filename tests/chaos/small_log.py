"""What does a small log of a run look like that is honest? For tests, which plant something in it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from events.vocabulary import OrderApproved, OrderSubmitted, PricingRequested, Status, WorkOrderChanged
from tests.chaos.notes import BYPASS, FAILED, HIT, READ, Body, Claim, Entry, Fault, Notes, Right, Write
from tests.chaos.pages import BOARD
from tests.chaos.tables import Event, Line, Tables, Version
from tests.chaos.verdict import judge

B = 2.0
CLIENT, OPERATOR, RIVAL = 7, 8, 9
SHOP, MES = "S:A-1", "M:A-1"
S = Status
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass
class Log:
    """One order's life from its submission to a claim; a version and a line for each step."""

    reads: list[tuple[float, float, int, int, int, int]] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=lambda: [Body({})])
    writes: list[Write] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    rights: list[Right] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    tables: Tables = field(default_factory=Tables)
    told: dict[str, list[str]] = field(
        default_factory=lambda: {"created": ["A-1"], "submitted": ["A-1"], "finished": []}
    )
    refusals: dict[str, int] = field(default_factory=dict)

    def read(self, at: float, rows: dict[str, int], *, how: int = HIT, who: int = 0) -> None:
        """A read that takes a hundredth of a second."""
        self.bodies.append(Body(rows))
        self.reads.append((at, at + 0.01, len(self.bodies) - 1, who, how, 0))

    def page(self, at: float, query: str, rows: dict[str, int], *, how: int = HIT) -> None:
        """A read of a page of the board."""
        self.bodies.append(Body(rows, path=f"{BOARD}{query}"))
        self.reads.append((at, at + 0.01, len(self.bodies) - 1, 0, how, 0))

    def fail(self, at: float, why: str, seconds: float = 0.01) -> None:
        """A read that shows nothing."""
        self.bodies.append(Body({}, path=why))
        self.reads.append((at, at + seconds, len(self.bodies) - 1, 0, FAILED, 0))

    def look_at_counts(self, at: float, **counts: int) -> None:
        """A read of the dashboard."""
        self.bodies.append(Body({}, counts))
        self.reads.append((at, at + 0.01, len(self.bodies) - 1, 0, HIT, 0))

    def enter(self, at: float, status: int) -> None:
        """A guest's try to enter."""
        self.entries.append(Entry("guest", status, at, at + 0.01))

    def step(self, key: str, at: float, before: str, after: str, by: str, actor: int | None = None) -> None:
        """A change of a status, with its version, its line, and who was told of the COMMIT."""
        version = 1 + sum(known.key == key for known in self.tables.versions)
        position = 10 if key == MES else None
        self.tables.versions.append(Version(key, version, after, at, "brass", position))
        self.writes.append(Write(key, version, at - 0.01, at + 0.01, "http"))
        self.tables.lines.append(Line(key, before, after, actor, by, moment(at), at))
        self.tables.statuses[key] = after

    def event(self, kind: str, at: float, status: str = "", *, decided: bool = False) -> None:
        """An event that was handled."""
        self.tables.events.append(Event(kind, "A-1", moment(at), status, decided, handled=True, parked=False))

    def notes(self) -> Notes:
        """All of it, as it is read from files."""
        return Notes(
            np.array(self.reads, READ), self.bodies, self.writes, self.claims, self.faults, self.rights,
            self.entries,
        )  # fmt: skip

    def broken(self) -> set[str]:
        """The promises that were broken."""
        verdict = judge(self.notes(), self.tables, {**self.told, "refusals": self.refusals}, B)
        return {finding.promise for finding in verdict.findings if finding.broken}


def moment(at: float) -> datetime:
    """The wall's time of a monotonic one."""
    return NOON + timedelta(seconds=at)


def honest_log() -> Log:
    """An order that was approved, claimed, and looked at by everybody."""
    log = Log()
    log.step(SHOP, 10, "", S.FILE_UPLOADED, "client")
    log.step(SHOP, 11, S.FILE_UPLOADED, S.SUBMITTED, "client")
    log.event(OrderSubmitted.kind, 11)
    log.step(MES, 12, "", S.SUBMITTED, "client")
    log.event(PricingRequested.kind, 12)
    log.step(MES, 13, S.SUBMITTED, S.PRICE_CALCULATED, "system")
    log.event(WorkOrderChanged.kind, 13, S.PRICE_CALCULATED, decided=True)
    log.step(SHOP, 13.1, S.SUBMITTED, S.PRICE_CALCULATED, "system")
    arrive(log, 13)
    log.step(SHOP, 14, S.PRICE_CALCULATED, S.MANUFACTURING_APPROVED, "client")
    log.event(OrderApproved.kind, 14)
    log.step(MES, 15, S.PRICE_CALCULATED, S.MANUFACTURING_APPROVED, "client")
    log.event(WorkOrderChanged.kind, 15, S.MANUFACTURING_APPROVED)
    log.step(MES, 16, S.MANUFACTURING_APPROVED, S.MANUFACTURING_STARTED, "operator", OPERATOR)
    log.event(WorkOrderChanged.kind, 16, S.MANUFACTURING_STARTED, decided=True)
    log.claims.append(Claim("A-1", OPERATOR, "200", 15.9, 16.1))
    log.claims.append(Claim("A-1", RIVAL, "already_claimed", 15.9, 16.1))
    log.step(SHOP, 16.1, S.MANUFACTURING_APPROVED, S.MANUFACTURING_STARTED, "operator")
    arrive(log, 16)
    for at in (20.0, 21.0, 22.0):
        log.read(at, {SHOP: 5, MES: 4})
        log.read(at, {SHOP: 5}, how=BYPASS)
    log.look_at_counts(20, MANUFACTURING_STARTED=1)
    for query in ("limit=20", "limit=20&status=MANUFACTURING_STARTED", "limit=20&material=brass"):
        log.page(20, query, {MES: 4})
        log.page(11, query, {})
    log.page(20, "limit=20&status=MANUFACTURING_APPROVED", {})
    log.page(20, "limit=20&material=silver_925", {})
    log.read(9, {SHOP: 0})
    for way, may, at in (("begins", True, 10), ("role", False, 20), ("given back", True, 30)):
        log.rights.append(Right("guest", way, may, at - 0.01, at + 0.01))
    for at, status in ((15, 200), (21, 200), (25, 403), (31, 403), (35, 304)):
        log.enter(at, status)
    return log


def arrive(log: Log, at: float) -> None:
    """The line written last tells of news of that moment."""
    log.tables.lines[-1] = replace(log.tables.lines[-1], at=moment(at))
