"""Does the board put on top what is new to an operator?"""

import pytest
from django.db import IntegrityError, transaction

from accounts.models import User
from events.vocabulary import ActorKind, Status
from mes.claims import work_order_advance, work_order_claim, work_order_release
from mes.models import WorkOrder
from mes.services import move
from tests.factories import WorkOrderFactory

pytestmark = pytest.mark.django_db


def on_top() -> WorkOrder:
    top = WorkOrder.objects.for_board().first()
    assert top is not None
    return top


def test_a_new_order_is_on_top() -> None:
    for _ in range(3):
        assert on_top() if WorkOrder.objects.exists() else True
        assert WorkOrderFactory() == on_top()


def test_an_order_that_becomes_claimable_is_on_top_again() -> None:
    order = WorkOrderFactory(status=Status.PRICE_CALCULATED)
    WorkOrderFactory()
    order.refresh_from_db()

    move(order, Status.MANUFACTURING_APPROVED, None, ActorKind.CLIENT)

    assert on_top() == order
    assert order.position == WorkOrder.objects.get(pk=order.pk).position


def test_a_released_order_is_on_top_again(olga: User) -> None:
    order = WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)
    work_order_claim(number=order.number, operator=olga)
    WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)

    work_order_release(order_id=order.pk, operator=olga, reason="Broken tool")

    assert on_top() == order


def test_no_other_step_moves_an_order_on_the_board(olga: User) -> None:
    order = WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)
    order.refresh_from_db()
    place = order.position

    work_order_claim(number=order.number, operator=olga)
    for step in (Status.MANUFACTURING_COMPLETED, Status.PACKAGING, Status.SHIPPED):
        work_order_advance(order_id=order.pk, operator=olga, to=step)

    order.refresh_from_db()
    assert order.position == place


def test_no_two_orders_share_a_position() -> None:
    order, other = WorkOrderFactory.create_batch(2)
    order.refresh_from_db()
    with pytest.raises(IntegrityError), transaction.atomic():
        WorkOrder.objects.filter(pk=other.pk).update(position=order.position)
