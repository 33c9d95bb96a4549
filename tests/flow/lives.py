"""Which lives may an order have: who wants what of it, step after step, while news is on its way?"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from accounts.models import User
from events import outbox
from events.vocabulary import ActorKind, Status
from mes import claims
from mes import services as mes_services
from mes.models import WorkOrder
from shop import services
from shop.models import Order
from tests.outbox import handle_due
from tests.solids import cube, open_box


@dataclass
class World:
    """One order between its people: alice the client (or paula the partner), olga and otto the operators."""

    alice: User
    paula: User
    olga: User
    otto: User

    @property
    def order(self) -> Order:
        return Order.objects.get()

    @property
    def work_order(self) -> WorkOrder:
        return WorkOrder.objects.get()

    @property
    def waiting(self) -> list[int]:
        """Events on their way, oldest first."""
        return list(outbox.waiting().order_by("id").values_list("pk", flat=True))

    def deliver(self) -> None:
        """Everything arrives, in order."""
        while self.waiting:
            handled = [handle_due(event_id) for event_id in self.waiting]
            assert any(handled), "events nobody can handle"


Step = Callable[[World], object]


def create(world: World) -> None:
    services.order_create(client=world.alice, title="Ring", material="silver_925", quantity=1)


def upload(world: World) -> None:
    services.order_upload_model(order_id=world.order.pk, actor=world.alice, upload=cube())


def upload_open_box(world: World) -> None:
    services.order_upload_model(order_id=world.order.pk, actor=world.alice, upload=open_box())


def submit(world: World) -> None:
    services.order_submit(order_id=world.order.pk, actor=world.alice)


def approve(world: World) -> None:
    services.order_approve(order_id=world.order.pk, actor=world.alice, actor_kind=ActorKind.CLIENT)


def cancel(world: World) -> None:
    services.order_cancel(order_id=world.order.pk, actor=world.alice, actor_kind=ActorKind.CLIENT)


def close(world: World) -> None:
    services.order_close(order_id=world.order.pk, actor=world.alice, actor_kind=ActorKind.CLIENT)


def a_month_passes(world: World) -> None:
    Order.objects.filter(status=Status.PRICE_CALCULATED).update(
        priced_at=world.order.created_at - timedelta(days=31)
    )
    services.expire_quotes()


def partner_sends(world: World) -> None:
    mes_services.work_order_receive(
        partner=world.paula, upload=cube(), title="Ring", material="brass", quantity=2
    )


def partner_sends_open_box(world: World) -> None:
    mes_services.work_order_receive(
        partner=world.paula, upload=open_box(), title="Ring", material="brass", quantity=2
    )


def olga_claims(world: World) -> None:
    claims.work_order_claim(number=world.work_order.number, operator=world.olga)


def olga_releases(world: World) -> None:
    claims.work_order_release(order_id=world.work_order.pk, operator=world.olga, reason="Broken tool")


def otto_claims(world: World) -> None:
    claims.work_order_claim(number=world.work_order.number, operator=world.otto)


def otto_completes(world: World) -> None:
    _otto_advances(world, Status.MANUFACTURING_COMPLETED)


def otto_packs(world: World) -> None:
    _otto_advances(world, Status.PACKAGING)


def otto_ships(world: World) -> None:
    _otto_advances(world, Status.SHIPPED)


def _otto_advances(world: World, to: Status) -> None:
    claims.work_order_advance(order_id=world.work_order.pk, operator=world.otto, to=to)


@dataclass(frozen=True)
class Life:
    """What has happened and arrived, then what several people want, each in their own order."""

    name: str
    past: list[Step]
    people: list[list[Step]]

    def __str__(self) -> str:
        return self.name


UPLOADED: list[Step] = [create, upload]
PRICED: list[Step] = [*UPLOADED, submit]
APPROVED: list[Step] = [*PRICED, approve]

FAILED: list[Step] = [create, upload_open_box, submit]

LIVES = [
    Life("cancelled at once", UPLOADED, [[submit, cancel]]),
    Life("accepted or cancelled", PRICED, [[approve], [cancel]]),
    Life("accepted or expired", PRICED, [[approve], [a_month_passes]]),
    Life("cancelled or claimed", PRICED, [[approve, cancel], [olga_claims]]),
    Life("cancelled, claimed and finished", APPROVED, [[cancel], [otto_claims, otto_completes]]),
    Life("cancelled, claimed or released", APPROVED, [[cancel], [olga_claims, olga_releases]]),
    Life("claimed by one after another", APPROVED, [[olga_claims, olga_releases], [otto_claims]]),
    Life("a better model", [create, upload_open_box], [[submit, upload, submit, approve]]),
    Life("a better model, then cancelled", [*FAILED, upload], [[submit, cancel]]),
    Life("to the end", [*APPROVED, otto_claims], [[otto_completes, otto_packs, otto_ships], [close]]),
    Life("a partner's", [], [[partner_sends], [approve], [olga_claims]]),
    Life("a partner's, with a better model", [], [[partner_sends_open_box], [upload, submit, approve]]),
]
