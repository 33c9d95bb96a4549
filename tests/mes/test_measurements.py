"""Are equal files measured once, by one worker, and does one that takes long let others go first?"""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from events import handling
from events.models import OutboxEvent
from events.vocabulary import PricingRequested, Status
from mes import geometry, measurements, picture
from mes.models import Measurement, WorkOrder
from mes.services import work_order_receive
from tests.desks import desk
from tests.solids import cube, open_box
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def order_of(client: User, upload: SimpleUploadedFile) -> WorkOrder:
    return work_order_receive(partner=client, upload=upload, title="Ring", material="brass", quantity=1)[0]


def price_all(*, is_long: bool = False) -> None:
    while handling.take_turn(is_long):
        pass


def test_equal_files_are_measured_once_and_the_page_says_so(paula: User, alice: User, olga: User) -> None:
    orders = [order_of(client, cube(name=name)) for client, name in ((paula, "a.stl"), (alice, "b.stl"))]
    price_all()
    for order in orders:
        order.refresh_from_db()
        assert order.price_breakdown["volume_mm3"] == "1000.000"
    assert Measurement.objects.get().uses == 2
    page = desk(olga).get(f"/admin/mes/workorder/{orders[1].number}/change/").text
    assert "once for 2 prices of equal files" in page


def test_a_refusal_is_known_for_equal_files_too(paula: User) -> None:
    orders = [order_of(paula, open_box()) for _ in range(2)]
    price_all()
    for order in orders:
        order.refresh_from_db()
        assert order.status == Status.PRICING_FAILED
        assert "holes" in order.history.latest("sequence").reason
    assert Measurement.objects.get().uses == 2


@pytest.mark.parametrize("lost", ["edition", "picture"])
def test_it_is_measured_anew_by_other_code_or_when_its_picture_is_gone(paula: User, lost: str) -> None:
    order = order_of(paula, cube())
    price_all()
    if lost == "edition":
        Measurement.objects.update(edition=geometry.EDITION - 1, found={"reason": "Could not read it then."})
    else:
        [file] = {picture.path_of(measurements.StoredModel.from_json(order.model))}
        file.unlink()
    again = order_of(paula, cube())
    price_all()
    again.refresh_from_db()
    assert again.status == Status.PRICE_CALCULATED
    assert (Measurement.objects.get().uses, Measurement.objects.get().edition) == (1, geometry.EDITION)
    assert picture.path_of(measurements.StoredModel.from_json(again.model)).exists()


def test_two_workers_with_equal_files_do_not_both_measure(paula: User, alice: User) -> None:
    """The second waits; that is no failure, and then it finds what the first has found."""
    for client in (paula, alice):
        order_of(client, cube(17))
    took = at_once(*[lambda: handling.take_turn(is_long=False)] * 2)
    assert True in took
    OutboxEvent.objects.filter(handled_at=None).update(attempt_at="2020-01-01T00:00:00Z")
    price_all()
    assert set(WorkOrder.objects.values_list("status", flat=True)) == {Status.PRICE_CALCULATED}
    assert Measurement.objects.get().uses == 2
    assert not OutboxEvent.objects.filter(kind=PricingRequested.kind, attempts__gt=1).exists()
