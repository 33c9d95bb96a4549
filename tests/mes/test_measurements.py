"""Are equal files measured once, by one worker, and does one that takes long let others go first?"""

import json
import os
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from accounts.models import User
from events import handling
from events.models import OutboxEvent
from events.turns import Turn
from events.vocabulary import PricingRequested, Status
from mes import geometry, measurements, picture
from mes.geometry import measuring
from mes.models import Measurement, WorkOrder
from mes.services import work_order_receive
from tests.desks import desk
from tests.mes.geometry.written_glb import in_chunks
from tests.solids import cube, heap, open_box
from tests.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def order_of(client: User, upload: SimpleUploadedFile) -> WorkOrder:
    return work_order_receive(partner=client, upload=upload, title="Ring", material="brass", quantity=1)[0]


def children() -> list[str]:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


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


def test_a_file_that_takes_long_gives_up_its_short_turn_and_has_a_long_one(paula: User) -> None:
    """It is measured by a process that other work goes before, and renews its lease meanwhile."""
    order = order_of(paula, heap())
    assert handling.take_turn(is_long=False) is False
    pricing = OutboxEvent.objects.get(kind=PricingRequested.kind)
    assert (pricing.is_long, pricing.attempts, pricing.error) == (True, 0, "")
    assert not Measurement.objects.exists()

    model, renewed = measurements.StoredModel.from_json(order.model), []

    def renew() -> None:
        [child] = set(children()).difference(before)
        renewed.append(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[16])
        # With a connection of ours it would hold the lock of equal files for longer than we live.
        assert "socket" not in "".join(str(fd.readlink()) for fd in Path(f"/proc/{child}/fd").iterdir())
        if len(renewed) == 3:
            raise InterruptedError

    before = children()
    with pytest.raises(InterruptedError):
        measurements.solid_in(model, Turn(is_long=True, renew=renew), renewal=0.1)
    assert renewed == ["19"] * 3
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1")
        assert cursor.fetchone() == (0,), "equal files may be measured again"


def test_running_out_of_time_is_told_and_not_remembered(paula: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """It depends on the machine as well as on the file."""
    monkeypatch.setattr(measuring, "MOST_SECONDS", 1)
    order = order_of(paula, heap())
    price_all()
    price_all(is_long=True)
    order.refresh_from_db()
    assert order.status == Status.PRICING_FAILED
    assert "takes too long" in order.history.latest("sequence").reason
    assert not Measurement.objects.exists()


def test_who_waits_for_an_equal_file_is_woken_when_it_is_known(paula: User, alice: User) -> None:
    first, second = (order_of(client, cube(18)) for client in (paula, alice))
    pricing = OutboxEvent.objects.filter(kind=PricingRequested.kind)
    pricing.filter(subject=second.number).update(
        waiting_since="2026-01-01T00:00:00Z", attempt_at="2100-01-01T00:00:00Z", due_at="2100-01-01T00:00:01Z"
    )
    price_all()
    for order in (first, second):
        order.refresh_from_db()
        assert order.status == Status.PRICE_CALCULATED


def test_words_of_a_file_that_no_database_can_store_are_told_without_them(paula: User) -> None:
    document = {"asset": {"version": "2.0"}, "extensionsRequired": ["\0x\ud800\n"]}
    data = in_chunks((b"JSON", json.dumps(document).encode()))
    order = order_of(paula, SimpleUploadedFile("odd.glb", data))
    price_all()
    order.refresh_from_db()
    assert order.status == Status.PRICING_FAILED
    assert "?x??" in order.history.latest("sequence").reason
