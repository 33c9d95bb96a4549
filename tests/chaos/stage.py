"""Who and what is there before a run begins: users with tokens, orders of every kind?"""

from pathlib import Path

from django.db import connections

from accounts.models import User
from accounts.services import token_issue
from config.seeding.people import ensure_people
from events.vocabulary import ActorKind, Material, Status
from mes.models import WorkOrder
from shop import services
from shop.models import Order, new_shop_number
from tests.chaos.plan import Plan
from tests.chaos.site import Site
from tests.solids import cube

CLIENTS = ("client", "anna.keller", "boris.ivanov", "carla.rossi")
OPERATORS = ("operator1", "operator2", "operator3", "operator4", "operator5")


def set_the_stage(site: Site, folder: Path, seed: int, *, orders: int, pause: float, interval: float) -> Plan:
    """Make them through the running site; ``orders`` are how many of each kind."""
    people = ensure_people()
    users = [people[name] for name in (*CLIENTS, *OPERATORS, "partner")]
    tokens = [token_issue(user=user, name="chaos")[1] for user in users]
    clients = users[: len(CLIENTS)]
    drafts = [_draft(clients[number % len(clients)], number) for number in range(orders)]
    contested = _approved(site, [_draft(clients[0], number) for number in range(orders)])
    connections.close_all()
    index = {user.pk: at for at, user in enumerate(users)}
    return Plan(
        url=site.url,
        seed=seed,
        notes=str(folder),
        tokens=tokens,
        user_ids=[user.pk for user in users],
        clients=list(range(len(CLIENTS))),
        operators=list(range(len(CLIENTS), len(CLIENTS) + len(OPERATORS))),
        partner=len(users) - 1,
        drafts={order.number: index[order.client_id] for order in drafts},
        unborn={new_shop_number(): number % len(CLIENTS) for number in range(orders)},
        contested=contested,
        pause=pause,
        interval=interval,
        connections=6,
    )


def _draft(client: User, number: int) -> Order:
    """An order with its model, not submitted: its client may send another model as often as it likes."""
    material = list(Material)[number % len(Material)]
    order = services.order_create(client=client, title=f"Charm {number}", material=material, quantity=1)
    return services.order_upload_model(order_id=order.pk, actor=client, upload=cube())


def _approved(site: Site, orders: list[Order]) -> list[str]:
    """The same orders, priced by the plant and accepted: operators may claim them."""
    numbers = [order.number for order in orders]

    def have(status: Status) -> bool:
        return WorkOrder.objects.filter(number__in=numbers, status=status).count() == len(numbers)

    for order in orders:
        services.order_submit(order_id=order.pk, actor=order.client)
    site.wait_for(lambda: have(Status.PRICE_CALCULATED), "the orders to be priced")
    site.wait_until_quiet()
    for order in orders:
        services.order_approve(order_id=order.pk, actor=order.client, actor_kind=ActorKind.CLIENT)
    site.wait_for(lambda: have(Status.MANUFACTURING_APPROVED), "the orders to be approved")
    site.wait_until_quiet()
    return numbers
