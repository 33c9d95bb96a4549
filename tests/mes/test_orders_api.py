"""Does the plant's API answer to the letter of its contract: fields, codes, pages, headers?"""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from accounts.models import User
from events.http import encode_cursor
from events.model_files import store
from events.models import OutboxEvent
from events.vocabulary import UNCLAIMED, Material, Status
from mes.models import WorkOrder
from tests.clients import ApiClient
from tests.conftest import As, Deliver
from tests.factories import WorkOrderFactory
from tests.solids import cube, cube_bytes, open_box
from tests.threads import at_once

pytestmark = pytest.mark.django_db

ORDERS = "/api/v1/mes/orders/"
ROW = {
    "number", "status", "status_label", "title", "material", "quantity", "price", "currency", "due_date",
    "created_at", "operator", "version", "url",
}  # fmt: skip
WHOLE = ROW | {"engraving", "comment", "external_id", "model", "price_breakdown", "flags", "updated_at"}


@pytest.fixture
def operator(olga: User, as_user: As) -> ApiClient:
    return as_user(olga)


@pytest.fixture
def partner(paula: User, as_user: As) -> ApiClient:
    return as_user(paula)


def sent(**change: Any) -> dict[str, Any]:
    return {"title": "Hoops", "material": "silver_925", "quantity": 4, "file": cube()} | change


def test_a_row_of_the_board_has_exactly_the_promised_fields(operator: ApiClient, olga: User) -> None:
    order = WorkOrderFactory(status=Status.MANUFACTURING_STARTED, operator=olga)
    order.refresh_from_db()
    page = operator.get(ORDERS).json()
    (row,) = page["results"]
    assert set(page) == {"results", "next", "count"}
    assert set(row) == ROW
    assert row == {
        "number": order.number,
        "status": "MANUFACTURING_STARTED",
        "status_label": "Manufacturing started",
        "title": order.title,
        "material": "silver_925",
        "quantity": 1,
        "price": "120.00",
        "currency": "EUR",
        "due_date": None,
        "created_at": row["created_at"],
        "operator": {"id": olga.pk, "name": "Olga Berg"},
        "version": order.version,
        "url": f"/api/v1/mes/orders/{order.number}/",
    }
    assert row["created_at"].endswith("Z")


def test_a_whole_order_says_more(operator: ApiClient) -> None:
    order = WorkOrderFactory()
    whole = operator.get(f"{ORDERS}{order.number}/").json()
    assert set(whole) == WHOLE
    assert (whole["external_id"], whole["operator"], whole["flags"]) == (None, None, [])
    assert set(whole["model"]) == {"name", "size", "sha256"}


def test_the_board_is_sorted_by_position_and_filtered_by_each_facet(operator: ApiClient) -> None:
    made = [
        WorkOrderFactory(status=status, material=material)
        for material in (Material.BRASS, Material.GOLD_585)
        for status in (Status.SUBMITTED, Status.MANUFACTURING_APPROVED, Status.CANCELLED)
    ]
    for status in (None, *{order.status for order in made}, Status.CLOSED):
        for material in (None, *Material.values):
            query = {"status": status, "material": material}
            page = operator.get(ORDERS, {name: value for name, value in query.items() if value}).json()
            expected = [
                order.number
                for order in reversed(made)
                if status in (None, order.status) and material in (None, order.material)
            ]
            assert [row["number"] for row in page["results"]] == expected, query


def test_pages_of_the_board_follow_each_other_while_orders_come_and_go(
    operator: ApiClient, olga: User
) -> None:
    made = [WorkOrderFactory(status=Status.MANUFACTURING_APPROVED).number for _ in range(9)]
    seen, url = [], f"{ORDERS}?limit=4"
    while url:
        page = operator.get(url).json()
        seen += [row["number"] for row in page["results"]]
        WorkOrderFactory()  # on top, before what was seen
        url = page["next"]
    assert seen == made[::-1]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("cursor=nonsense", "cursor"),
        ("status=NEW", "status"),
        ("material=tin", "material"),
        ("operator=1", "operator"),
    ],
)
def test_a_bad_parameter_is_refused_not_guessed(operator: ApiClient, query: str, field: str) -> None:
    answer = operator.get(f"{ORDERS}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")
    assert list(answer.json()["errors"]) == [field]


def test_my_orders_are_what_i_have_in_hands(operator: ApiClient, olga: User, otto: User) -> None:
    held = [
        WorkOrderFactory(status=status, operator=olga)
        for status in (Status.MANUFACTURING_STARTED, Status.MANUFACTURING_COMPLETED, Status.PACKAGING)
    ]
    WorkOrderFactory(status=Status.SHIPPED, operator=olga)
    WorkOrderFactory(status=Status.PACKAGING, operator=otto)
    WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)
    mine = operator.get(f"{ORDERS}?operator=me").json()["results"]
    assert [row["number"] for row in mine] == [order.number for order in reversed(held)]
    packing = operator.get(f"{ORDERS}?operator=me&status=PACKAGING").json()["results"]
    assert [row["number"] for row in packing] == [held[-1].number]


def test_the_steps_of_who_holds_an_order(operator: ApiClient, olga: User, otto: User, as_user: As) -> None:
    order = WorkOrderFactory(status=Status.MANUFACTURING_STARTED, operator=olga)
    url = f"{ORDERS}{order.number}/"
    for step, status in (("complete", "MANUFACTURING_COMPLETED"), ("pack", "PACKAGING"), ("ship", "SHIPPED")):
        theirs = as_user(otto).post(f"{url}{step}/")
        assert (theirs.status_code, theirs.json()["code"]) == (403, "not_your_order")
        mine = operator.post(f"{url}{step}/")
        assert (mine.status_code, mine.json()["status"]) == (200, status)
        again = operator.post(f"{url}{step}/")
        assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")
    late = operator.post(f"{url}release/", {"reason": "Too late"}, format="json")
    assert (late.status_code, late.json()["code"]) == (409, "illegal_transition")


@pytest.mark.parametrize("body", [{}, {"reason": ""}, {"reason": "x" * 501}, {"reason": None}], ids=repr)
def test_a_release_needs_a_reason(operator: ApiClient, olga: User, body: dict[str, Any]) -> None:
    order = WorkOrderFactory(status=Status.MANUFACTURING_STARTED, operator=olga)
    answer = operator.post(f"{ORDERS}{order.number}/release/", body, format="json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["reason"])


@pytest.mark.parametrize("step", ["release", "complete", "pack", "ship"])
def test_nobody_moves_what_nobody_holds(operator: ApiClient, step: str) -> None:
    order = WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)
    answer = operator.post(f"{ORDERS}{order.number}/{step}/", {"reason": "x"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")


@pytest.mark.parametrize("step", ["claim", "release", "complete", "pack", "ship"])
def test_a_step_of_what_is_not_there_is_not_found(operator: ApiClient, step: str) -> None:
    answer = operator.post(f"{ORDERS}A-00000000/{step}/", {"reason": "x"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_model_is_a_download_and_nothing_else(operator: ApiClient) -> None:
    stored = store(cube(name='my "ring"\r\n.stl'))
    order = WorkOrderFactory(model=stored.to_json())
    answer = operator.get(f"{ORDERS}{order.number}/model/")
    assert b"".join(answer) == cube_bytes()
    assert answer["Content-Type"] == "model/stl"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"].startswith("attachment;")
    assert "\n" not in answer["Content-Disposition"]


def test_a_model_whose_file_is_gone_is_not_found(operator: ApiClient) -> None:
    answer = operator.get(f"{ORDERS}{WorkOrderFactory().number}/model/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("remaining", [-(2**63), -1, 0, 99])
def test_a_cursor_of_lines_that_are_not_there_is_refused(operator: ApiClient, remaining: int) -> None:
    cursor = encode_cursor(remaining)
    answer = operator.get(f"{ORDERS}{WorkOrderFactory().number}/history/", {"cursor": cursor})
    assert (answer.status_code, set(answer.json()["errors"])) == (400, {"cursor"})


def test_the_dashboard_counts_every_status(operator: ApiClient) -> None:
    for status, count in ((Status.SUBMITTED, 2), (Status.MANUFACTURING_APPROVED, 3), (Status.CLOSED, 1)):
        WorkOrderFactory.create_batch(count, status=status)
    board = operator.get("/api/v1/mes/dashboard/").json()
    assert set(board) == {"counts", "unclaimed", "as_of"}
    assert set(board["counts"]) == set(Status.values) - {"INITIATED", "FILE_UPLOADED"}
    assert {status: count for status, count in board["counts"].items() if count} == {
        "SUBMITTED": 2,
        "MANUFACTURING_APPROVED": 3,
        "CLOSED": 1,
    }
    assert board["unclaimed"] == sum(board["counts"][status] for status in UNCLAIMED) == 5


def test_a_partners_order_enters_at_the_mes_and_is_mirrored_in_the_shop(
    partner: ApiClient, paula: User, deliver: Deliver
) -> None:
    answer = partner.post(ORDERS, sent(external_id="PO-1"), format="multipart")
    assert answer.status_code == 201
    order = answer.json()
    assert set(order) == WHOLE
    assert order["number"].startswith("P-")
    assert (order["status"], order["external_id"], order["price"]) == ("SUBMITTED", "PO-1", None)
    assert answer["Location"] == order["url"]
    assert partner.get(f"/api/v1/shop/orders/{order['number']}/").status_code == 404, "not mirrored yet"

    deliver()

    mirrored = partner.get(f"/api/v1/shop/orders/{order['number']}/").json()
    assert (mirrored["status"], mirrored["title"], mirrored["quantity"]) == ("PRICE_CALCULATED", "Hoops", 4)
    assert mirrored["price"] == partner.get(order["url"]).json()["price"]
    assert mirrored["model"] == order["model"]
    story = partner.get(f"/api/v1/shop/orders/{order['number']}/history/").json()["results"]
    assert [(line["status"], line["actor_kind"]) for line in story] == [
        ("PRICE_CALCULATED", "system"),
        ("SUBMITTED", "partner"),
    ]


def test_the_same_external_id_again_is_the_same_order(partner: ApiClient, peter: User, as_user: As) -> None:
    first = partner.post(ORDERS, sent(external_id="PO-1"), format="multipart")
    again = partner.post(ORDERS, sent(external_id="PO-1", title="Other"), format="multipart")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert as_user(peter).post(ORDERS, sent(external_id="PO-1"), format="multipart").status_code == 201
    assert partner.post(ORDERS, sent(), format="multipart").status_code == 201
    assert partner.post(ORDERS, sent(), format="multipart").status_code == 201
    assert WorkOrder.objects.count() == 4
    assert OutboxEvent.objects.filter(kind="mes.work_order_received").count() == 4


@pytest.mark.django_db(transaction=True)
def test_one_external_id_many_times_at_once_is_one_order(paula: User, as_user: As) -> None:
    clients = [as_user(paula) for _ in range(8)]
    answers = at_once(
        *(lambda c=client: c.post(ORDERS, sent(external_id="PO-1"), format="multipart") for client in clients)
    )
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["number"] for answer in answers}) == WorkOrder.objects.count() == 1
    assert OutboxEvent.objects.count() == 2


def test_a_partners_model_that_is_no_solid_is_told_and_mended_in_the_shop(
    partner: ApiClient, deliver: Deliver
) -> None:
    number = partner.post(ORDERS, sent(file=open_box()), format="multipart").json()["number"]
    deliver()
    url = f"/api/v1/shop/orders/{number}/"
    told = partner.get(f"{url}history/").json()["results"][0]
    assert told["status"] == "PRICING_FAILED"
    assert "hole" in told["reason"]

    assert partner.put(f"{url}model/", {"file": cube()}, format="multipart").status_code == 200
    assert partner.post(f"{url}submit/").status_code == 200
    deliver()
    assert partner.get(url).json()["status"] == "PRICE_CALCULATED"
    assert partner.get(f"{ORDERS}{number}/").json()["price"] == partner.get(url).json()["price"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"title": ""}, 400, "validation_error"),
        ({"title": "a\0b"}, 400, "validation_error"),
        ({"material": "tin"}, 400, "validation_error"),
        ({"quantity": 1001}, 400, "validation_error"),
        ({"external_id": "x" * 101}, 400, "validation_error"),
        ({"external_id": "a\0b"}, 400, "validation_error"),
        ({"file": "text"}, 400, "validation_error"),
        ({"file": SimpleUploadedFile("a.pdf", b"%PDF-1.7")}, 415, "file_type_unsupported"),
        ({"file": SimpleUploadedFile("a.stl", b"")}, 422, "model_unreadable"),
    ],
    ids=repr,
)
def test_a_partners_order_that_is_none_is_refused(
    partner: ApiClient, change: dict[str, Any], status: int, code: str
) -> None:
    answer = partner.post(ORDERS, sent(**change), format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert not WorkOrder.objects.exists()
    assert not OutboxEvent.objects.exists()


@pytest.mark.parametrize("missing", ["title", "material", "quantity", "file"])
def test_a_missing_field_is_named(partner: ApiClient, missing: str) -> None:
    fields = sent()
    del fields[missing]
    answer = partner.post(ORDERS, fields, format="multipart")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [missing])


def test_a_partner_sees_nothing_of_the_board(partner: ApiClient) -> None:
    for url in (ORDERS, f"{ORDERS}?operator=me", "/api/v1/mes/dashboard/"):
        assert partner.get(url).status_code == 403
