"""One order goes all the way, from the client's upload to the confirmed delivery."""

import pytest

from accounts.models import User
from tests.conftest import As, Deliver
from tests.solids import cube

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_order_goes_from_upload_to_confirmed_delivery(
    alice: User, olga: User, as_user: As, deliver: Deliver
) -> None:
    client, operator = as_user(alice), as_user(olga)
    order = client.post(
        "/api/v1/shop/orders/",
        {"title": "Cube charm", "material": "silver_925", "quantity": 2},
        format="json",
    ).json()
    shop, mes = f"/api/v1/shop/orders/{order['number']}/", f"/api/v1/mes/orders/{order['number']}/"

    assert (
        client.put(f"{shop}model/", {"file": cube(10)}, format="multipart").json()["status"]
        == "FILE_UPLOADED"
    )
    assert client.post(f"{shop}submit/").json()["status"] == "SUBMITTED"
    deliver()
    priced = client.get(shop).json()
    # 1000 mm3 x 10.36 g/cm3 = 10.36 g; x 1.90 x 2 = 39.37; (18 + 10.36 x 3.20) x 2 = 102.30
    assert (priced["status"], priced["price"]) == ("PRICE_CALCULATED", "141.67")
    assert client.post(f"{shop}approve/").json()["status"] == "MANUFACTURING_APPROVED"
    deliver()
    assert operator.post(f"{mes}claim/").json()["operator"] == {"id": olga.pk, "name": "Olga Berg"}
    for step, status in (("complete", "MANUFACTURING_COMPLETED"), ("pack", "PACKAGING"), ("ship", "SHIPPED")):
        assert operator.post(f"{mes}{step}/").json()["status"] == status
        deliver()
        assert client.get(shop).json()["status"] == status
    assert client.post(f"{shop}confirm-delivery/").json()["status"] == "CLOSED"
    deliver()

    story = [line["status"] for line in client.get(f"{shop}history/").json()["results"]]
    assert story == [
        "CLOSED", "SHIPPED", "PACKAGING", "MANUFACTURING_COMPLETED", "MANUFACTURING_STARTED",
        "MANUFACTURING_APPROVED", "PRICE_CALCULATED", "SUBMITTED", "FILE_UPLOADED", "INITIATED",
    ]  # fmt: skip
    assert as_user(olga).get(mes).json()["status"] == "CLOSED"
