"""Which lives may an order of the demo have had by now, and what did each leave in the timelines?"""

import random
from bisect import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from events.vocabulary import UNCLAIMED, ActorKind, Status

S = Status
DAYS = 60  # how far back the demo reaches
PARTNERS_SHARE = 0.12


@dataclass(frozen=True)
class Step:
    """One line of a timeline. The Shop sees every step, the MES those that concern it."""

    status: Status
    by: ActorKind | None  # None: whoever bought, client or partner
    hours: float  # typical time since the step before
    reason: str = ""
    in_mes: bool = True


Path = tuple[Step, ...]

_BEGUN: Path = (Step(S.INITIATED, None, 0, in_mes=False),)
_UPLOADED = (*_BEGUN, Step(S.FILE_UPLOADED, None, 0.2, in_mes=False))
_SUBMITTED = (*_UPLOADED, Step(S.SUBMITTED, None, 0.1))
#: The reason is that of the model.
_FAILED = (*_SUBMITTED, Step(S.PRICING_FAILED, ActorKind.SYSTEM, 0.001))
_PRICED = (*_SUBMITTED, Step(S.PRICE_CALCULATED, ActorKind.SYSTEM, 0.001))
_PRICED_LATER = (
    *_FAILED,
    Step(S.FILE_UPLOADED, None, 5, in_mes=False),
    Step(S.SUBMITTED, None, 0.1),
    Step(S.PRICE_CALCULATED, ActorKind.SYSTEM, 0.001),
)
_APPROVED = (*_PRICED, Step(S.MANUFACTURING_APPROVED, None, 20))
_APPROVED_LATER = (*_PRICED_LATER, Step(S.MANUFACTURING_APPROVED, None, 20))
_APPROVED_BY_SELLER = (*_PRICED, Step(S.MANUFACTURING_APPROVED, ActorKind.SELLER, 40))
_CLAIM = Step(S.MANUFACTURING_STARTED, ActorKind.OPERATOR, 12)
_RELEASE = Step(
    S.MANUFACTURING_APPROVED, ActorKind.OPERATOR, 3, "The casting machine is down; who has another?"
)
_STARTED = (*_APPROVED, _CLAIM)
_STARTED_AGAIN = (*_APPROVED, _CLAIM, _RELEASE, _CLAIM)
_COMPLETED = Step(S.MANUFACTURING_COMPLETED, ActorKind.OPERATOR, 60)
_PACKED = Step(S.PACKAGING, ActorKind.OPERATOR, 5)
_SHIPPED = Step(S.SHIPPED, ActorKind.OPERATOR, 4)
_MADE = (_CLAIM, _COMPLETED, _PACKED, _SHIPPED)
_CLOSED = Step(S.CLOSED, None, 90)
_CANCELLED = Step(S.CANCELLED, None, 30, "Changed my mind.")
_ASKED_TO_CANCEL = Step(S.MANUFACTURING_APPROVED, None, 4, "Asked to cancel.", in_mes=False)

#: (weight, most days since the order began, path). A third of all stand unclaimed, 7.5% can be claimed.
_PATHS: tuple[tuple[float, int, Path], ...] = (
    (3.0, 20, _BEGUN),
    (3.0, 10, _UPLOADED),
    (2.0, 1, _SUBMITTED),
    (18.0, 25, _PRICED),
    (5.0, 20, _FAILED),
    (5.5, 12, _APPROVED),
    (0.7, 12, _APPROVED_LATER),
    (0.8, 12, _APPROVED_BY_SELLER),
    (0.5, 12, (*_STARTED, _RELEASE)),
    (5.5, 14, _STARTED),
    (0.5, 14, _STARTED_AGAIN),
    (4.0, 16, (*_STARTED, _COMPLETED)),
    (4.0, 18, (*_STARTED, _COMPLETED, _PACKED)),
    (8.0, 30, (*_APPROVED, *_MADE)),
    (24.5, DAYS, (*_APPROVED, *_MADE, _CLOSED)),
    (2.0, DAYS, (*_APPROVED_LATER, *_MADE, _CLOSED)),
    (2.0, DAYS, (*_APPROVED_BY_SELLER, *_MADE, Step(S.CLOSED, ActorKind.SELLER, 200))),
    (2.0, DAYS, (*_STARTED_AGAIN, _COMPLETED, _PACKED, _SHIPPED, _CLOSED)),
    (2.0, DAYS, (*_BEGUN, _CANCELLED)),
    (3.0, DAYS, (*_PRICED, Step(S.CANCELLED, None, 30, "Too expensive for me."))),
    (1.0, DAYS, (*_FAILED, _CANCELLED)),
    (2.0, DAYS, (*_APPROVED, _ASKED_TO_CANCEL, Step(S.CANCELLED, None, 0.001, "Ordered twice."))),
)


class Life:
    """The steps of one order, each with the moment it happened (as text), and whether a partner ordered."""

    def __init__(self, path: Path, moments: list[datetime], *, is_partners: bool) -> None:
        self.steps = tuple(zip(path, map(str, moments), strict=True))
        self.is_partners = is_partners
        self.status = path[-1].status
        #: When the order first stood in a status.
        self.first: dict[Status, datetime] = {}
        for step, at in zip(path, moments, strict=True):
            self.first.setdefault(step.status, at)
        #: The steps the MES knows of; none when the order never got there.
        self.mes_steps = (
            tuple(pair for pair in self.steps if pair[0].in_mes) if S.SUBMITTED in self.first else ()
        )

    @property
    def claims(self) -> int:
        """How often an operator took the order."""
        return sum(step.status == S.MANUFACTURING_STARTED for step, _ in self.steps)

    @property
    def is_held(self) -> bool:
        """Whether an operator holds, or has made, the order."""
        return self.status not in (*UNCLAIMED, S.INITIATED, S.FILE_UPLOADED, S.CANCELLED)


def lives(count: int, dice: random.Random, now: datetime) -> Iterator[Life]:
    """``count`` lives, the oldest first, each path as often as its weight says, to the order."""
    ends = list(accumulate(weight for weight, _, _ in _PATHS))
    births = []
    for number in range(count):
        chosen = bisect(ends, (number + 0.5) / count * ends[-1])
        _, oldest, path = _PATHS[chosen]
        least = min(oldest / 2, 0.6 * sum(step.hours for step in path) / 24)
        births.append((dice.uniform(least, oldest), chosen))
    for days, chosen in sorted(births, reverse=True):
        yield _live(_PATHS[chosen][2], timedelta(days=days), dice, now)


def _live(path: Path, age: timedelta, dice: random.Random, now: datetime) -> Life:
    submissions = sum(step.status == S.SUBMITTED for step in path)
    # Partners' orders enter at the MES, model and all, and no second model is sent for them.
    is_partners = submissions == 1 and dice.random() < PARTNERS_SHARE
    if is_partners:
        path = path[2:]
    hours = [step.hours * dice.uniform(0.4, 2) for step in path[1:]]
    # What would reach into the future is lived faster.
    pace = min(1.0, age.total_seconds() / 3600 * dice.uniform(0.5, 0.99) / sum(hours)) if hours else 1.0
    begin = (now - age).timestamp()
    moments = [
        datetime.fromtimestamp(begin + 3600 * pace * lived, UTC) for lived in accumulate(hours, initial=0.0)
    ]
    return Life(path, moments, is_partners=is_partners)
