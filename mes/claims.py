"""Who gets an order: PostgreSQL alone decides, under the row lock."""

from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg2.errors import LockNotAvailable

from accounts.models import User
from caching.gate import Busy, Closed, Gate
from events.errors import DomainError, NotFound
from events.transitions import IllegalTransition
from events.vocabulary import ActorKind, Status
from mes.figures import LOST
from mes.models import OPERATOR_NAME_LENGTH, WorkOrder
from mes.services import move

# Spares PostgreSQL the crowd that wants one order; it decides nothing.
GATE = Gate("mes.claim")
# Milliseconds a claim waits for another that holds the row.
LOCK_PATIENCE_MS = 2000


class AlreadyClaimed(DomainError):
    """Another operator has the order."""

    code = "already_claimed"
    status = 409

    def __init__(self, operator_id: int, operator_name: str) -> None:
        super().__init__(
            f"This order was taken by {operator_name}.",
            extra={"operator": {"id": operator_id, "name": operator_name}},
        )


class ClaimInProgress(DomainError):
    """Another operator's try is still running; it may still fail."""

    code = "claim_in_progress"
    status = 409

    def __init__(self) -> None:
        super().__init__("Another operator is claiming this order right now.", headers={"Retry-After": "1"})


def work_order_claim(*, number: str, operator: User) -> WorkOrder:
    """Give the order to the operator, MANUFACTURING_STARTED.

    The winner repeating the click gets the order again. Raises :class:`AlreadyClaimed`,
    :class:`ClaimInProgress`, ``IllegalTransition`` (not approved) or ``NotFound``.
    """
    try:
        with GATE.passing(number, {"id": operator.pk, "name": operator.display_name}):
            return _claim(number, operator)
    except Closed as closed:
        LOST.add(timezone.localdate(), str(operator.pk))
        raise AlreadyClaimed(closed.winner["id"], closed.winner["name"]) from closed
    except Busy as busy:
        raise ClaimInProgress from busy


def _claim(number: str, operator: User) -> WorkOrder:
    """The decision: under the row lock, the first to find the order without an operator has it."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = '{LOCK_PATIENCE_MS}ms'")
            order = WorkOrder.objects.select_for_update().filter(number=number).first()
            if order is None:
                raise NotFound("No order has this number.")
            if order.operator_id == operator.pk and order.status == Status.MANUFACTURING_STARTED:
                return order
            if order.operator_id not in (None, operator.pk):
                raise Closed({"id": order.operator_id, "name": order.operator_name})
            _take(order, operator)
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise ClaimInProgress from error
        raise
    return order


def work_order_claim_next(*, operator: User, material: str | None = None) -> WorkOrder | None:
    """Claim the order that has waited longest, or None; orders others are claiming are passed over."""
    waiting = WorkOrder.objects.claimable()
    if material:
        waiting = waiting.filter(material=material)
    with transaction.atomic():
        order = waiting.select_for_update(skip_locked=True).first()
        if order is None:
            return None
        _take(order, operator)
    return order


def work_order_release(*, order_id: int, operator: User, reason: str) -> WorkOrder:
    """Put the order back on the board, on top; whoever holds it says why."""
    with transaction.atomic():
        order = _held(order_id, operator)
        order.operator, order.operator_name = None, ""
        move(order, Status.MANUFACTURING_APPROVED, operator, ActorKind.OPERATOR, reason)
    GATE.open(order.number)
    return order


def work_order_advance(*, order_id: int, operator: User, to: Status) -> WorkOrder:
    """The next step of whoever holds the order: completed, packed, shipped."""
    with transaction.atomic():
        order = _held(order_id, operator)
        move(order, to, operator, ActorKind.OPERATOR)
    return order


class NotYourOrder(DomainError):
    """Only the operator who holds an order may move it on."""

    code = "not_your_order"
    status = 403


def _held(order_id: int, operator: User) -> WorkOrder:
    """The order, locked, if the operator holds it. One that nobody holds can't be moved by anybody."""
    order = WorkOrder.objects.select_for_update().get(pk=order_id)
    if order.operator_id is None:
        raise IllegalTransition(f"An order that is {order.status} is held by nobody: claim it first.")
    if order.operator_id != operator.pk:
        raise NotYourOrder(f"This order is held by {order.operator_name}.")
    return order


def _take(order: WorkOrder, operator: User) -> None:
    order.operator, order.operator_name = operator, operator.display_name[:OPERATOR_NAME_LENGTH]
    move(order, Status.MANUFACTURING_STARTED, operator, ActorKind.OPERATOR)
