"""What becomes of an uploaded 3D model: kept once, refused with a reason, priced, mended?"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import Settings

from accounts.models import User
from events.vocabulary import Status
from shop.models import Order
from tests.clients import ApiClient
from tests.conftest import As, Deliver
from tests.factories import OrderFactory
from tests.solids import cube, cube_bytes, open_box
from tests.threads import Paused, at_once, in_background, somebody_waits_for_a_lock, until

pytestmark = pytest.mark.django_db


def url(order: Order, step: str = "") -> str:
    return f"/api/v1/shop/orders/{order.number}/{step}"


def put(api: ApiClient, order: Order, file: Any) -> Any:
    return api.put(url(order, "model/"), {"file": file}, format="multipart")


@pytest.fixture
def api(alice: User, as_user: As) -> ApiClient:
    return as_user(alice)


@pytest.fixture
def order(alice: User) -> Order:
    return OrderFactory(client=alice)


def kept() -> list[Path]:
    root = Path(django_settings.MODELS_ROOT)
    return [path for path in root.rglob("*") if path.is_file()]


def test_the_model_is_told_by_name_size_and_digest(api: ApiClient, order: Order) -> None:
    answer = put(api, order, cube(name="C:\\rings\\my ring.STL"))
    assert (answer.status_code, answer.json()["status"]) == (200, "FILE_UPLOADED")
    model = answer.json()["model"]
    assert (model["name"], model["size"]) == ("my ring.STL", len(cube_bytes()))
    assert [path.stem for path in kept()] == [model["sha256"]]


def test_equal_files_are_kept_once(api: ApiClient, alice: User) -> None:
    orders = [OrderFactory(client=alice) for _ in range(3)]
    digests = {put(api, order, cube(name=f"{order.pk}.stl")).json()["model"]["sha256"] for order in orders}
    assert len(digests) == len(kept()) == 1


def test_a_file_over_the_limit_is_refused(api: ApiClient, order: Order, settings: Settings) -> None:
    settings.MODEL_MAX_MB = 1
    answer = put(api, order, SimpleUploadedFile("big.stl", bytes(2**20 + 1)))
    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
    assert put(api, order, SimpleUploadedFile("big.stl", bytes(3 * 2**20))).status_code == 413
    assert kept() == []


@pytest.mark.parametrize(
    ("file", "status", "code"),
    [
        (SimpleUploadedFile("ring.stl", b"%PDF-1.7 nothing solid"), 415, "file_type_unsupported"),
        (SimpleUploadedFile("ring.stl", b"\x89PNG\r\n\x1a\n" + bytes(100)), 415, "file_type_unsupported"),
        (SimpleUploadedFile("ring.stl", b""), 422, "model_unreadable"),
        (SimpleUploadedFile("ring.stl", cube_bytes()[:-10]), 422, "model_unreadable"),
        (SimpleUploadedFile("ring.glb", b"glTF\x02\0\0\0\xff\0\0\0"), 422, "model_unreadable"),
    ],
    ids=["pdf", "png", "empty", "cut short", "broken glb"],
)
def test_a_file_that_is_no_model_is_refused(
    api: ApiClient, order: Order, file: SimpleUploadedFile, status: int, code: str
) -> None:
    answer = put(api, order, file)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    order.refresh_from_db()
    assert (order.status, order.model) == (Status.INITIATED, None)
    assert kept() == []


MULTIPART = "multipart/form-data; boundary=x"


def field(name: str) -> bytes:
    return b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\ntext\r\n--x--\r\n' % name.encode()


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", MULTIPART, 400),
        (b"--x\r\n", MULTIPART, 400),
        (b"no boundary", "multipart/form-data", 400),
        (b"{}", "application/json", 415),
        (cube_bytes(), "model/stl", 415),
        (field("other"), MULTIPART, 400),
        (field("file"), MULTIPART, 400),
    ],
    ids=["empty", "cut short", "no boundary", "json", "raw", "no file", "file as text"],
)
def test_a_body_that_carries_no_file_is_refused(
    api: ApiClient, order: Order, body: bytes, content_type: str, status: int
) -> None:
    answer = api.generic("PUT", url(order, "model/"), body, content_type=content_type)
    assert answer.status_code == status, answer.json()
    assert answer.json()["code"] in ("malformed_request", "validation_error")


def test_a_model_can_be_replaced_until_it_is_submitted(api: ApiClient, order: Order) -> None:
    put(api, order, open_box())
    assert put(api, order, cube()).json()["model"]["name"] == "cube.stl"
    assert order.history.count() == 2
    api.post(url(order, "submit/"))
    answer = put(api, order, open_box())
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")


def test_a_model_that_can_not_be_priced_is_told_why_and_may_be_mended(
    api: ApiClient, order: Order, deliver: Deliver
) -> None:
    put(api, order, open_box())
    api.post(url(order, "submit/"))
    deliver()
    told = api.get(url(order, "history/")).json()["results"][0]
    assert (told["status"], told["actor_kind"]) == ("PRICING_FAILED", "system")
    assert "hole" in told["reason"]
    assert api.get(url(order)).json()["price"] is None
    assert api.post(url(order, "submit/")).json()["code"] == "illegal_transition", "the same model again"

    put(api, order, cube())
    api.post(url(order, "submit/"))
    deliver()
    priced = api.get(url(order)).json()
    assert priced["status"] == "PRICE_CALCULATED"
    parts = priced["price_breakdown"]
    assert Decimal(priced["price"]) == Decimal(parts["material_cost"]) + Decimal(parts["making_cost"])
    assert (parts["volume_mm3"], parts["mass_g"]) == ("1000.000", "10.360")


def test_a_model_of_a_suspicious_size_is_priced_and_the_client_is_asked(
    api: ApiClient, order: Order, deliver: Deliver
) -> None:
    put(api, order, cube(0.4))
    api.post(url(order, "submit/"))
    deliver()
    told = api.get(url(order, "history/")).json()["results"][0]
    assert told["status"] == "PRICE_CALCULATED"
    assert "0.4 mm across" in told["reason"]


@pytest.mark.django_db(transaction=True)
def test_a_submit_during_an_upload_submits_one_whole_model(alice: User, as_user: As) -> None:
    order = OrderFactory(client=alice, status=Status.FILE_UPLOADED)
    with Paused(lambda: put(as_user(alice), order, cube()), after="UPDATE") as upload:
        submit = in_background(lambda: as_user(alice).post(url(order, "submit/")))
        until(somebody_waits_for_a_lock)
        assert upload.go_on().status_code == 200
        assert submit.result().status_code == 200
    order.refresh_from_db()
    assert (order.status, order.model["name"]) == (Status.SUBMITTED, "cube.stl")


@pytest.mark.django_db(transaction=True)
def test_an_upload_after_a_submit_that_came_first_is_refused(alice: User, as_user: As) -> None:
    order = OrderFactory(client=alice, status=Status.FILE_UPLOADED)
    before = order.model
    with Paused(lambda: as_user(alice).post(url(order, "submit/")), after="UPDATE") as submit:
        upload = in_background(lambda: put(as_user(alice), order, cube()))
        until(somebody_waits_for_a_lock)
        assert submit.go_on().status_code == 200
        assert upload.result().json()["code"] == "illegal_transition"
    order.refresh_from_db()
    assert (order.status, order.model) == (Status.SUBMITTED, before)


@pytest.mark.django_db(transaction=True)
def test_equal_files_uploaded_at_once_are_kept_whole(alice: User, as_user: As) -> None:
    orders = [OrderFactory(client=alice) for _ in range(6)]
    api = as_user(alice)
    answers = at_once(*(lambda order=order: put(as_user(alice), order, cube()) for order in orders))
    assert [answer.status_code for answer in answers] == [200] * 6
    (path,) = kept()
    assert path.read_bytes() == cube_bytes()
    assert api.get(url(orders[0])).json()["model"]["sha256"] == path.stem


def test_a_model_that_comes_too_late_is_not_kept(api: ApiClient, alice: User) -> None:
    answer = put(api, OrderFactory(client=alice, status=Status.SHIPPED), cube())
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")
    assert not Path(django_settings.MODELS_ROOT).exists()
