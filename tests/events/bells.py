"""Events of the tests' own: one whose handler rings, one whose handler takes long."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from events import outbox
from events.models import OutboxEvent
from events.turns import Turn
from events.vocabulary import Event


@dataclass(frozen=True, kw_only=True)
class Rang(Event):
    """An event of these tests' own."""

    kind = "tests.rang"


class Bell:
    """A handler of these tests' own: it leaves a user behind, then does what the test tells it."""

    def __init__(self) -> None:
        self.error: BaseException | None = None
        #: A user whose row it locks, if any.
        self.needs: int | None = None

    def __call__(self, event: Rang) -> None:
        list(User.objects.select_for_update().filter(pk=self.needs))
        User.objects.create(username=f"rang-{event.sequence}-{User.objects.count()}")
        if self.error:
            raise self.error

    @property
    def rings(self) -> int:
        """How often it rang for good."""
        return User.objects.filter(username__startswith="rang-").count()


@pytest.fixture
def bell(db: None) -> Iterator[Bell]:
    handler = Bell()
    outbox.handles(Rang)(handler)
    yield handler
    del outbox.handlers[Rang.kind]


def ring(number: str = "A-00000000") -> int:
    """Publish one; its id."""
    with transaction.atomic():
        outbox.publish(Rang(number=number, version=1, at=timezone.now(), actor_kind="system"))
    return OutboxEvent.objects.latest("id").pk


def row(event_id: int) -> OutboxEvent:
    return OutboxEvent.objects.get(pk=event_id)


@dataclass(frozen=True, kw_only=True)
class Measured(Event):
    """An event of these tests' own that takes long; ``whose`` turn it takes."""

    kind = "tests.measured"
    whose: int = 0

    @property
    def owner(self) -> int:
        return self.whose


class Scales:
    """Slow work and what is made of it; ``during`` is what happens meanwhile, ``turn`` what it was given, and
    whose event it ``worked`` on."""

    def __init__(self) -> None:
        self.during: Callable[[], object] = lambda: None
        self.turn: Turn | None = None
        self.worked: list[int] = []
        self.noted: list[int] = []
        self._measured = count(1)

    def work(self, event: Measured, turn: Turn) -> int:
        self.turn = turn
        self.worked.append(event.owner)
        number = next(self._measured)
        assert not connection.in_atomic_block
        during, self.during = self.during, lambda: None
        during()
        return number

    def apply(self, event: Measured, result: int) -> None:
        self.noted.append(result)


@pytest.fixture
def scales() -> Iterator[Scales]:
    handler = Scales()
    outbox.handles(Measured, work=handler.work)(handler.apply)
    yield handler
    del outbox.handlers[Measured.kind]


def weigh(whose: int = 0) -> int:
    about = {"number": "A-00000000", "version": 1, "at": timezone.now(), "actor_kind": "system"}
    with transaction.atomic():
        outbox.publish(Measured(**about, whose=whose))
    return OutboxEvent.objects.latest("id").pk
