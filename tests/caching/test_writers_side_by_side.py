"""Does one writer's commit leave alone what another has not committed yet?"""

from django.db import transaction

from accounts.models import User
from shop.caches import ORDERS
from tests.caching.relays import SteppedRelay
from tests.conftest import As
from tests.factories import OrderFactory
from tests.threads import Paused


def test_an_order_saved_but_not_committed_is_not_taken_for_a_deleted_one(
    stepped_relay: SteppedRelay, alice: User, as_user: As
) -> None:
    order = OrderFactory(client=alice, number="A-00000001", title="before")

    def rename() -> None:
        with transaction.atomic():
            OrderFactory(client=alice, number="A-00000002")
            order.title = "after"
            order.save()

    with Paused(rename, after='UPDATE "shop_order"') as writer:
        OrderFactory(client=alice, number="A-00000003")  # commits at once, in this thread
        assert ORDERS.read("A-00000002").payload is None
        writer.go_on()

    renamed, created = ORDERS.read("A-00000001"), ORDERS.read("A-00000002")
    assert renamed.status == created.status == "shop-order; hit"
    assert b'"title":"after"' in (renamed.payload or b"")
    assert b'"number":"A-00000002"' in (created.payload or b"")
