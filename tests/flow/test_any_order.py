"""Do Shop and MES agree in the end, in whatever order news arrives and people act meanwhile?"""

import functools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, BinaryIO

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.models import User
from events.errors import DomainError
from events.model_files import ModelKind
from events.models import OutboxEvent
from events.vocabulary import UNCLAIMED, Status
from mes.geometry import measuring
from mes.geometry.answers import Solid, Unpriceable
from mes.models import WorkOrder, WorkOrderStatusChange
from shop.models import Order, OrderStatusChange
from tests.flow import lives
from tests.flow.lives import LIVES, Life, Step, World
from tests.outbox import handle_due

pytestmark = pytest.mark.django_db

LONG_LIFE: list[list[Step]] = [
    [lives.create, lives.upload_open_box, lives.submit, lives.upload, lives.submit, lives.approve],
    [lives.cancel, lives.cancel],
    [lives.olga_claims, lives.olga_releases],
    [lives.otto_claims, lives.otto_completes, lives.otto_packs, lives.otto_ships, lives.close],
]


@pytest.fixture
def world(alice: User, paula: User, olga: User, otto: User) -> World:
    return World(alice, paula, olga, otto)


@pytest.fixture(autouse=True)
def _measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each model is measured once, not anew on each of hundreds of branches."""

    @functools.cache
    def measured(data: bytes, kind: ModelKind) -> Solid | Unpriceable:
        try:
            return measuring.measure_here(data, kind)
        except Unpriceable as error:
            return error

    def measure(file: BinaryIO, kind: ModelKind, *_: int, **__: object) -> Solid:
        found = measured(file.read(), kind)
        if isinstance(found, Unpriceable):
            raise Unpriceable(found.reason)
        return found

    monkeypatch.setattr(measuring, "measure", measure)


class Branch:
    """A savepoint in which something is tried; all of it is taken back at the end."""

    def __enter__(self) -> None:
        self._atomic = transaction.atomic()
        self._atomic.__enter__()

    def __exit__(self, *error: Any) -> None:
        transaction.set_rollback(True)
        self._atomic.__exit__(None, None, None)


def act(step: Step, world: World) -> bool:
    """Try a step; false when it is refused now, or its order isn't there yet."""
    try:
        with transaction.atomic():
            step(world)
    except (DomainError, Order.DoesNotExist, WorkOrder.DoesNotExist):
        return False
    return True


def every_end(
    world: World, people: list[list[Step]], path: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """Walk every schedule of deliveries and steps; stands at the end of each when it yields its path."""
    may_go_on = False
    for event_id in world.waiting:
        with Branch():
            if handle_due(event_id):
                may_go_on = True
                kind = OutboxEvent.objects.values_list("kind", flat=True).get(pk=event_id)
                yield from every_end(world, people, (*path, f"<{kind}>"))
    for number, (step, *later) in [(n, steps) for n, steps in enumerate(people) if steps]:
        with Branch():
            if act(step, world):
                may_go_on = True
                rest = [*people[:number], later, *people[number + 1 :]]
                yield from every_end(world, rest, (*path, step.__name__))
    if not may_go_on:
        yield path


def check_the_end(path: tuple[str, ...]) -> None:
    """What must hold when nothing is on its way any more."""
    stuck = OutboxEvent.objects.filter(handled_at=None).values_list("kind", "error")
    assert not stuck, (path, list(stuck))
    order, work_order = Order.objects.get(), WorkOrder.objects.first()
    if work_order is None:
        assert order.status == Status.CANCELLED, (path, "cancelled before the MES heard of it")
        return
    assert order.status == work_order.status, path
    assert not order.cancel_requested, path
    story, work_story = list(order.history.all()), list(work_order.history.all())
    # The line on top is the newest, and says what the order's status says.
    assert story[0].to_status == order.status, (path, [(line.to_status, line.reason) for line in story])
    assert work_story[0].to_status == work_order.status, path
    assert (work_order.operator is None) == (work_order.status in {*UNCLAIMED, Status.CANCELLED}), path
    if order.status != Status.CANCELLED:
        terms = ("price", "price_breakdown", "due_date", "currency", "quantity", "material", "model")
        for name in terms:
            assert getattr(order, name) == getattr(work_order, name), (path, name)
    # Each decision of the MES is told once, each of the Shop's is followed once.
    decided = OutboxEvent.objects.filter(kind="mes.work_order_changed", payload__decided=True)
    refused = OutboxEvent.objects.filter(kind="mes.cancel_refused").count()
    told = order.history.filter(actor=None).exclude(reason__startswith="The price was not accepted")
    assert told.count() == decided.count() + refused, path


def everything() -> list[Any]:
    """All that handlers write."""
    models = (Order, WorkOrder, OrderStatusChange, WorkOrderStatusChange)
    return [list(model.objects.order_by("pk").values()) for model in models]


@pytest.mark.parametrize("life", LIVES, ids=str)
def test_shop_and_mes_agree_at_the_end_of_every_schedule(life: Life, world: World) -> None:
    for step in life.past:
        step(world)
        world.deliver()
    ends = 0
    for path in every_end(world, life.people):
        check_the_end(path)
        ends += 1
        if ends == 1:
            before = everything()
            assert not any(handle_due(pk) for pk in OutboxEvent.objects.values_list("pk", flat=True))
            assert everything() == before, "what is delivered again changes nothing"
    assert ends > 1


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # a life is told by its path; shrinking one takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_shop_and_mes_agree_after_a_long_life(data: st.DataObject, world: World) -> None:
    with Branch():
        people, path = [list(steps) for steps in LONG_LIFE], ()
        while moves := [*_moves(world, people)]:
            # The first move that is possible now, of all in an order that Hypothesis thinks of.
            for name, move in data.draw(st.permutations(moves)):
                if move():
                    path = (*path, name)
                    break
            else:
                break
        check_the_end(path)


def _moves(world: World, people: list[list[Step]]) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Whatever may happen next: an event arrives, perhaps again, or somebody takes their next step."""
    for event_id in world.waiting:
        yield "an event", partial(handle_due, event_id)
    for steps in people:
        if steps:
            yield steps[0].__name__, lambda steps=steps: act(steps[0], world) and bool(steps.pop(0))
