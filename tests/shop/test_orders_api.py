"""Does the clients' API answer to the letter of its contract: fields, codes, pages, headers?"""

import json
import re
from datetime import datetime
from typing import Any

import pytest

from accounts.models import User
from events.models import OutboxEvent
from events.vocabulary import NUMBER_PATTERN, Status
from shop.models import Order
from tests.clients import ApiClient
from tests.conftest import As
from tests.factories import OrderFactory

pytestmark = pytest.mark.django_db

ORDERS = "/api/v1/shop/orders/"
NEW = {"title": "Signet ring", "material": "gold_585", "quantity": 2}
FIELDS = {
    "number", "status", "status_label", "title", "material", "quantity", "engraving", "comment", "model",
    "price", "price_breakdown", "flags", "currency", "created_at", "updated_at", "due_date", "version", "url",
}  # fmt: skip


@pytest.fixture
def api(alice: User, as_user: As) -> ApiClient:
    return as_user(alice)


def test_a_new_order_has_exactly_the_promised_fields(api: ApiClient, alice: User) -> None:
    answer = api.post(ORDERS, NEW | {"engraving": "A & B", "comment": "Soon, please"}, format="json")

    assert answer.status_code == 201
    order = answer.json()
    assert set(order) == FIELDS
    assert re.fullmatch(NUMBER_PATTERN, order["number"])
    assert order["number"].startswith("A-")
    assert order == {
        **NEW,
        "number": order["number"],
        "status": "INITIATED",
        "status_label": "Initiated",
        "engraving": "A & B",
        "comment": "Soon, please",
        "model": None,
        "price": None,
        "price_breakdown": None,
        "flags": [],
        "currency": "EUR",
        "created_at": order["created_at"],
        "updated_at": order["updated_at"],
        "due_date": None,
        "version": Order.objects.get().version,
        "url": f"/api/v1/shop/orders/{order['number']}/",
    }
    for moment in (order["created_at"], order["updated_at"]):
        assert moment.endswith("Z")
        assert datetime.fromisoformat(moment).tzinfo is not None
    assert answer["Location"] == order["url"]
    assert answer["Content-Type"] == "application/json"
    assert api.get(order["url"]).json() == order
    assert api.get(ORDERS).json()["results"] == [order]


def test_numbers_tell_nothing(api: ApiClient) -> None:
    numbers = {api.post(ORDERS, NEW, format="json").json()["number"] for _ in range(5)}
    assert len({number[2:6] for number in numbers}) == 5


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "   "}, "title"),
        ({"title": "x" * 121}, "title"),
        ({"title": None}, "title"),
        ({"title": ["a"]}, "title"),
        ({"title": "a\0b"}, "title"),
        ({"title": "a\ud800b"}, "title"),
        ({"material": "tin"}, "material"),
        ({"material": "\ud800"}, "material"),
        ({"quantity": 0}, "quantity"),
        ({"quantity": -1}, "quantity"),
        ({"quantity": 1001}, "quantity"),
        ({"quantity": 1.5}, "quantity"),
        ({"quantity": "many"}, "quantity"),
        ({"quantity": True}, "quantity"),
        ({"quantity": 10**30}, "quantity"),
        ({"engraving": "x" * 61}, "engraving"),
        ({"comment": "x" * 2001}, "comment"),
        ({"comment": None}, "comment"),
    ],
    ids=repr,
)
def test_a_bad_field_is_named(api: ApiClient, change: dict[str, Any], field: str) -> None:
    answer = api.generic("POST", ORDERS, json.dumps(NEW | change), content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error"), answer.json()
    assert list(answer.json()["errors"]) == [field]
    assert not Order.objects.exists()


@pytest.mark.parametrize("missing", NEW)
def test_a_missing_field_is_named(api: ApiClient, missing: str) -> None:
    answer = api.post(ORDERS, {name: value for name, value in NEW.items() if name != missing}, format="json")
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [missing]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"null", "application/json", 400),
        (b'"text"', "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"1" * 10_000, "application/json", 400),
        (b'{"title": "Ring", "material": "brass", "quantity": Infinity}', "application/json", 400),
        (b'{"title": "Ring", "material": "brass", "quantity": 1e400}', "application/json", 400),
        (b"title=Ring", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b"{}", "nonsense", 415),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_body_that_is_no_order_is_refused(
    api: ApiClient, body: bytes, content_type: str, status: int
) -> None:
    answer = api.generic("POST", ORDERS, body, content_type=content_type)
    assert answer.status_code == status, answer.json()
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] in ("malformed_request", "validation_error")


def test_nobody_sets_what_is_not_theirs_to_set(api: ApiClient, clara: User) -> None:
    theirs = {"number": "A-00000000", "status": "SHIPPED", "price": "0.01", "client": clara.pk, "version": 1}
    order = api.post(ORDERS, NEW | theirs, format="json").json()
    assert (order["status"], order["price"]) == ("INITIATED", None)
    assert order["number"] != "A-00000000"
    assert Order.objects.get().client.username == "alice"


def test_a_client_sees_its_own_orders_newest_first(api: ApiClient, alice: User, clara: User) -> None:
    mine = [OrderFactory(client=alice).number for _ in range(5)]
    OrderFactory(client=clara)
    page = api.get(ORDERS).json()
    assert [order["number"] for order in page["results"]] == mine[::-1]
    assert (set(page), page["next"], page["count"]) == ({"results", "next", "count"}, None, None)


def test_pages_follow_each_other_while_orders_come_in(api: ApiClient, alice: User) -> None:
    mine = [OrderFactory(client=alice).number for _ in range(7)]
    seen, url = [], f"{ORDERS}?limit=3"
    while url:
        page = api.get(url).json()
        seen += [order["number"] for order in page["results"]]
        OrderFactory(client=alice)
        url = page["next"]
    assert seen == mine[::-1]


def test_a_page_of_one_status_keeps_it_on_the_next(api: ApiClient, alice: User) -> None:
    for status in [Status.SHIPPED, Status.CLOSED] * 3:
        OrderFactory(client=alice, status=status)
    first = api.get(f"{ORDERS}?status=SHIPPED&limit=2").json()
    assert "status=SHIPPED" in first["next"]
    second = api.get(first["next"]).json()
    assert [order["status"] for order in first["results"] + second["results"]] == ["SHIPPED"] * 3
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
        ("limit=1e2", "limit"),
        ("limit=%D9%A3", "limit"),
        ("cursor=", "cursor"),
        ("cursor=nonsense", "cursor"),
        ("cursor=AAAAAAAAAAB", "cursor"),
        ("status=shipped", "status"),
        ("status=", "status"),
    ],
)
def test_a_bad_parameter_is_refused_not_guessed(api: ApiClient, alice: User, query: str, field: str) -> None:
    timeline = f"{ORDERS}{OrderFactory(client=alice).number}/history/"
    for url in [ORDERS] if field == "status" else [ORDERS, timeline]:
        answer = api.get(f"{url}?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")
        assert list(answer.json()["errors"]) == [field]


@pytest.mark.parametrize(
    "path",
    [
        "A-00000000/",
        "A-ILOU0000/",
        "a-00000000/",
        "A-000000000/",
        "B-00000000/",
        "1/",
        "A-00000000/nothing/",
        "A-00000000",
        "%00/",
        "A-00000000/%0A",
    ],
)
def test_what_is_not_there_is_not_found(api: ApiClient, path: str) -> None:
    answer = api.get(ORDERS + path)
    expected = (400, "malformed_request") if "%00" in path else (404, "not_found")
    assert (answer.status_code, answer.json()["code"]) == expected


def test_another_clients_order_looks_like_none(api: ApiClient, clara: User) -> None:
    theirs = api.get(ORDERS + OrderFactory(client=clara).number + "/")
    none = api.get(ORDERS + "A-00000000/")
    assert theirs.status_code == none.status_code == 404
    assert theirs.json() == none.json()


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options", "trace"])
def test_a_method_that_is_not_there_is_named_with_those_that_are(api: ApiClient, method: str) -> None:
    answer = api.generic(method.upper(), ORDERS)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert set(answer["Allow"].split(", ")) >= {"GET", "POST"}


def test_the_timeline_tells_what_happened_newest_first(api: ApiClient) -> None:
    order = api.post(ORDERS, NEW, format="json").json()
    api.post(f"{order['url']}cancel/", {"reason": "Changed my mind"}, format="json")

    timeline = api.get(f"{order['url']}history/").json()

    assert (timeline["next"], timeline["count"]) == (None, 2)
    assert [{name: line[name] for name in line if name != "at"} for line in timeline["results"]] == [
        {
            "status": "CANCELLED",
            "status_label": "Cancelled",
            "actor_kind": "client",
            "reason": "Changed my mind",
        },
        {"status": "INITIATED", "status_label": "Initiated", "actor_kind": "client", "reason": ""},
    ]
    assert timeline["results"][0]["at"] > timeline["results"][1]["at"]


def test_the_timeline_comes_in_pages(api: ApiClient, alice: User) -> None:
    order = OrderFactory(client=alice, status=Status.MANUFACTURING_APPROVED)
    for number in range(5):
        order.history.create(
            to_status=order.status, actor_kind="system", reason=str(number), at=order.created_at
        )
    seen, url = [], f"{ORDERS}{order.number}/history/?limit=2"
    while url:
        page = api.get(url).json()
        seen += [line["reason"] for line in page["results"]]
        url = page["next"]
    assert seen == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("status", "answer_status", "requested"),
    [
        (Status.INITIATED, 200, False),
        (Status.SUBMITTED, 200, False),
        (Status.PRICE_CALCULATED, 200, False),
        (Status.MANUFACTURING_APPROVED, 202, True),
        (Status.MANUFACTURING_STARTED, 409, None),
        (Status.SHIPPED, 409, None),
        (Status.CLOSED, 409, None),
        (Status.CANCELLED, 409, None),
    ],
)
def test_cancelling_is_done_asked_for_or_refused(
    api: ApiClient, alice: User, status: Status, answer_status: int, requested: bool | None
) -> None:
    order = OrderFactory(client=alice, status=status)
    answer = api.post(f"{ORDERS}{order.number}/cancel/")
    assert answer.status_code == answer_status
    if requested is None:
        assert answer.json()["code"] == "illegal_transition"
    else:
        assert set(answer.json()) == FIELDS | {"cancel_requested"}
        assert answer.json()["cancel_requested"] is requested
        assert answer.json()["status"] == (status if requested else "CANCELLED")


def test_asking_twice_to_cancel_asks_once(api: ApiClient, alice: User) -> None:
    order = OrderFactory(client=alice, status=Status.MANUFACTURING_APPROVED)
    answers = [api.post(f"{ORDERS}{order.number}/cancel/") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert OutboxEvent.objects.filter(kind="shop.cancel_requested").count() == 1
    assert order.history.count() == 1


@pytest.mark.parametrize("reason", ["x" * 501, "a\0b", ["a"], None], ids=lambda reason: repr(reason)[:10])
def test_a_bad_reason_is_refused(api: ApiClient, alice: User, reason: Any) -> None:
    order = OrderFactory(client=alice)
    answer = api.post(f"{ORDERS}{order.number}/cancel/", {"reason": reason}, format="json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["reason"])
