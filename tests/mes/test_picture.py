"""Is there a picture of every model, drawn once, and who may see it?"""

import io
import zlib

import numpy as np
import pytest
from django.core.files.base import ContentFile

from accounts.models import User
from config.demo_models import demo_models
from events import model_files
from events.handling import handle
from events.model_files import ModelKind
from events.models import OutboxEvent
from mes import picture
from mes.geometry.drawing import SIZE
from mes.geometry.measuring import measure
from mes.services import work_order_receive
from tests.desks import desk
from tests.factories import WorkOrderFactory
from tests.solids import cube, cube_bytes
from tests.threads import at_once


def pixels(png: bytes) -> np.ndarray:
    """Grey and alpha of each pixel."""
    start = png.index(b"IDAT")
    length = int.from_bytes(png[start - 4 : start], "big")
    lines = np.frombuffer(zlib.decompress(png[start + 4 : start + 4 + length]), np.uint8)
    return lines.reshape(SIZE, 1 + 2 * SIZE)[:, 1:].reshape(SIZE, SIZE, 2)


def test_a_cube_shows_three_faces_of_different_brightness_and_nothing_around_them() -> None:
    png = measure(io.BytesIO(cube_bytes(10)), ModelKind.STL).picture
    grey, alpha = pixels(png).transpose(2, 0, 1)
    assert 0.35 < (alpha > 128).mean() < 0.9
    assert alpha[0].max() == alpha[:, 0].max() == 0
    shades, counts = np.unique(grey[alpha == 255] // 8, return_counts=True)
    assert (counts > 0.1 * counts.sum()).sum() == 3, dict(zip(shades, counts, strict=True))


@pytest.mark.parametrize(("name", "data"), demo_models()[:-1])
def test_every_format_is_drawn_and_the_same_each_time(name: str, data: bytes) -> None:
    kind = model_files.sniff(ContentFile(data, name))
    first, again = (measure(io.BytesIO(data), kind).picture for _ in range(2))
    assert first == again
    assert first.startswith(b"\x89PNG")


@pytest.mark.django_db
def test_the_picture_is_kept_when_the_order_is_priced(paula: User, olga: User) -> None:
    order, _new = work_order_receive(partner=paula, upload=cube(), title="Cube", material="brass", quantity=1)
    address, browser = f"/admin/mes/orders/{order.number}/picture/", desk(olga)
    assert browser.get(address)["Content-Type"] == "image/svg+xml"
    for event in OutboxEvent.objects.filter(kind="mes.pricing_requested"):
        handle(event.pk)
    shown = browser.get(address)
    assert shown["Content-Type"] == "image/png"
    assert shown["Cache-Control"] == "private, max-age=86400"  # the admin's pages are not kept at all
    assert browser.get(address, headers={"If-None-Match": shown["ETag"]}).status_code == 304


@pytest.mark.django_db
def test_who_may_not_see_the_order_may_not_see_its_picture(alice: User) -> None:
    address = f"/admin/mes/orders/{WorkOrderFactory().number}/picture/"
    assert desk(alice).get(address).status_code == 403


def test_equal_models_may_be_drawn_at_once() -> None:
    for number in range(30):
        model = model_files.StoredModel("a.stl", 1, f"{number:064x}", ModelKind.STL)
        picture.path_of(model).parent.mkdir(parents=True, exist_ok=True)
        assert at_once(*[lambda model=model: picture.keep(model, b"x" * 60_000)] * 4) == [None] * 4
        assert [*picture.path_of(model).parent.glob("incoming-*")] == []
        assert picture.path_of(model).read_bytes() == b"x" * 60_000
