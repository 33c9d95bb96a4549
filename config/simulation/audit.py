"""Was every promise kept? The ledger of what the site answered is compared with what PostgreSQL holds."""

import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any

from config.simulation.ledger import Ledger
from events.models import OutboxEvent
from events.vocabulary import Status, WorkOrderChanged
from mes.models import WorkOrder, WorkOrderStatusChange
from shop.models import Order, OrderStatusChange

PATIENCE = 30.0  # seconds the queue has to come to rest
_POLL = 0.2
# A new model after a failed pricing is the Shop's alone until it is submitted.
_NEW_MODEL = (Status.FILE_UPLOADED, Status.PRICING_FAILED)


@dataclass
class Verdict:
    """What was found; each list should be empty.

    ``lost``: orders promised, but in the Shop or the MES not to be found. ``untrue_claims``: answered 200,
    but the history knows nothing of them. ``refusals``: answers that should not have been. ``waiting``:
    events still unhandled. ``handling``: seconds from each of the MES's events to its handling.
    """

    lost: list[str] = field(default_factory=list)
    double_claims: list[str] = field(default_factory=list)
    untrue_claims: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)
    handled_twice: list[str] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    checked: int = 0
    handling: list[float] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether every promise was kept."""
        return not any((
            self.lost, self.double_claims, self.untrue_claims, self.disagreements, self.handled_twice,
            self.parked, self.refusals, self.waiting,
        ))  # fmt: skip


def audit(ledger: Ledger, since: datetime, patience: float = PATIENCE) -> Verdict:
    """Wait until the queue is at rest, then look at every order of this simulation in both contexts.

    Of an order whose event still waits after ``patience`` seconds nothing is said but that it waits.
    """
    numbers = sorted(ledger.created)
    verdict = Verdict(checked=len(numbers), refusals=sorted(ledger.refusals.elements()))
    events = OutboxEvent.objects.filter(subject__in=numbers, created_at__gte=since)
    deadline = time.monotonic() + patience
    at_rest = threading.Event()
    unhandled = events.filter(handled_at=None, parked_at=None)
    while (waiting := list(unhandled.all())) and time.monotonic() < deadline:
        at_rest.wait(_POLL)
    verdict.waiting = [f"{event}, {event.attempts} attempts {event.error}".strip() for event in waiting]
    verdict.parked = [str(event) for event in events.filter(parked_at__isnull=False)]
    verdict.handling = [
        (event.handled_at - event.created_at).total_seconds()
        for event in events.filter(kind=WorkOrderChanged.kind).only("created_at", "handled_at")
        if event.handled_at
    ]
    _compare_statuses(ledger, {event.subject for event in waiting}, verdict)
    _check_claims(ledger, numbers, verdict)
    _look_for_doubles(numbers, verdict)
    return verdict


def _compare_statuses(ledger: Ledger, waiting: set[str], verdict: Verdict) -> None:
    numbers = ledger.created - waiting
    shop = dict(Order.objects.filter(number__in=numbers).values_list("number", "status"))
    mes = dict(WorkOrder.objects.filter(number__in=numbers).values_list("number", "status"))
    verdict.lost += [f"{number}: not in the Shop" for number in sorted(numbers - shop.keys())]
    verdict.lost += [
        f"{number}: not in the MES" for number in sorted((ledger.submitted & numbers) - mes.keys())
    ]
    verdict.disagreements += [
        f"{number}: {shop[number]} in the Shop, {status} in the MES"
        for number, status in sorted(mes.items())
        if number in shop and (shop[number], status) not in ((status, status), _NEW_MODEL)
    ]


def _check_claims(ledger: Ledger, numbers: list[str], verdict: Verdict) -> None:
    """An order is begun, given back, begun again: twice in a row begun is a double claim."""
    steps: dict[str, list[tuple[str, int]]] = defaultdict(list)
    lines = WorkOrderStatusChange.objects.filter(work_order__number__in=numbers).order_by("id")
    for number, before, after, operator in lines.values_list(
        "work_order__number", "from_status", "to_status", "actor_id"
    ):
        is_release = (before, after) == (Status.MANUFACTURING_STARTED, Status.MANUFACTURING_APPROVED)
        if after == Status.MANUFACTURING_STARTED or is_release:
            steps[number].append(("claim" if after == Status.MANUFACTURING_STARTED else "release", operator))
    for number, story in steps.items():
        verdict.double_claims += [
            f"{number}: by {first[1]} and {second[1]}"
            for first, second in pairwise(story)
            if first[0] == second[0] == "claim"
        ]
    begun = Counter(
        (number, who) for number, story in steps.items() for what, who in story if what == "claim"
    )
    # More lines than answers is no fault: the answer of the last may have been lost with its connection.
    answered = Counter(ledger.claims)
    verdict.untrue_claims += [f"{number}: told to {who}" for number, who in (answered - begun).elements()]


def _look_for_doubles(numbers: list[str], verdict: Verdict) -> None:
    """Lines that tell of the same moment twice: the mark of an event that was applied twice."""
    told: Counter[tuple[Any, ...]] = Counter(
        ("Shop", *line)
        for line in OrderStatusChange.objects.filter(order__number__in=numbers).values_list(
            "order__number", "from_status", "to_status", "at"
        )
    )
    told += Counter(
        ("MES", *line)
        for line in WorkOrderStatusChange.objects.filter(work_order__number__in=numbers).values_list(
            "work_order__number", "from_status", "to_status", "at"
        )
    )
    verdict.handled_twice += [" ".join(map(str, line)) for line, times in told.items() if times > 1]
