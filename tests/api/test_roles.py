"""Who may call what: every endpoint against everybody, by real tokens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.roles import Role
from accounts.services import token_issue, token_revoke
from config.urls import urlpatterns
from events.model_files import store
from events.vocabulary import Status, new_number
from mes.models import WorkOrder
from shop.models import Order
from tests.clients import ApiClient
from tests.conftest import As
from tests.factories import OrderFactory, UserFactory, WorkOrderFactory
from tests.solids import cube, cube_bytes

pytestmark = pytest.mark.django_db

S = Status
NOBODY: set[str] = set()
BUYERS = {"alice", "clara", "paula", "peter"}
PLANT = {"olga", "sam"}


@dataclass(frozen=True)
class Endpoint:
    """A call, who may make it (``ok``: with this answer), who is told that there is no such order."""

    method: str
    path: str
    ok: int
    allowed: set[str]
    not_found: set[str] = field(default_factory=set)
    status: Status = S.INITIATED
    body: Callable[[], dict[str, Any]] = dict
    multipart: bool = False

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def model() -> dict[str, Any]:
    return {"file": cube()}


def new_order() -> dict[str, Any]:
    return {"title": "Ring", "material": "brass", "quantity": 1}


def new_order_with_model() -> dict[str, Any]:
    return new_order() | model()


def reason() -> dict[str, Any]:
    return {"reason": "Broken tool"}


def of_alice(method: str, step: str, ok: int = 200, **more: Any) -> Endpoint:
    """A call about alice's order in the Shop."""
    return Endpoint(method, f"shop/orders/{{A}}/{step}", ok, {"alice"}, BUYERS - {"alice"}, **more)


def by_holder(step: str, status: Status, **more: Any) -> Endpoint:
    """A step of olga, who holds the order."""
    return Endpoint("POST", f"mes/orders/{{A}}/{step}", 200, {"olga"}, status=status, **more)


ENDPOINTS = [
    Endpoint("GET", "shop/orders/", 200, BUYERS),
    Endpoint("POST", "shop/orders/", 201, BUYERS, body=new_order),
    of_alice("GET", ""),
    of_alice("GET", "history/"),
    of_alice("PUT", "model/", body=model, multipart=True),
    of_alice("POST", "submit/", status=S.FILE_UPLOADED),
    of_alice("POST", "approve/", status=S.PRICE_CALCULATED),
    of_alice("POST", "confirm-delivery/", status=S.SHIPPED),
    of_alice("POST", "cancel/", status=S.PRICE_CALCULATED),
    of_alice("POST", "cancel/", ok=202, status=S.MANUFACTURING_APPROVED),
    Endpoint("GET", "shop/orders/{P}/", 200, {"paula"}, BUYERS - {"paula"}),
    Endpoint("GET", "mes/orders/", 200, PLANT),
    Endpoint("GET", "mes/orders/?operator=me", 200, PLANT),
    Endpoint("POST", "mes/orders/", 201, {"paula", "peter"}, body=new_order_with_model, multipart=True),
    Endpoint("GET", "mes/dashboard/", 200, PLANT),
    *(
        Endpoint("GET", f"mes/orders/{{A}}/{page}", 200, PLANT, {"paula", "peter"})
        for page in ("", "history/", "model/")
    ),
    *(
        Endpoint("GET", f"mes/orders/{{P}}/{page}", 200, PLANT | {"paula"}, {"peter"})
        for page in ("", "history/", "model/")
    ),
    Endpoint("POST", "mes/orders/{A}/claim/", 200, {"olga"}, status=S.MANUFACTURING_APPROVED),
    Endpoint("POST", "mes/orders/claim-next/", 200, {"olga"}, status=S.MANUFACTURING_APPROVED),
    by_holder("release/", S.MANUFACTURING_STARTED, body=reason),
    by_holder("complete/", S.MANUFACTURING_STARTED),
    by_holder("pack/", S.MANUFACTURING_COMPLETED),
    by_holder("ship/", S.PACKAGING),
]  # fmt: skip


@pytest.fixture
def people(
    alice: User, clara: User, olga: User, sam: User, paula: User, peter: User, erik: User
) -> dict[str, str]:
    """Everybody's key, by name; some have one that opens nothing."""
    gone = UserFactory(username="gone", role=Role.CLIENT, is_active=False)
    UserFactory(username="root", is_superuser=True, is_staff=True)
    UserFactory(username="nobody")
    keys = {user.username: token_issue(user=user, name="test")[1] for user in User.objects.all()}
    yesterday = timezone.now() - timedelta(days=1)
    keys["expired"] = token_issue(user=alice, name="old", expires_at=yesterday)[1]
    revoked, keys["revoked"] = token_issue(user=alice, name="lost")
    token_revoke(token=revoked)
    keys["made up"] = "x" * 40
    assert gone.username in keys
    return keys


@pytest.fixture
def numbers(alice: User, paula: User) -> dict[str, str]:
    return {"A": new_number("A"), "P": new_number("P")}


def make_orders(endpoint: Endpoint, numbers: dict[str, str]) -> None:
    """Alice's order and paula's, in both contexts, in the status the call needs."""
    alice, paula, olga = (User.objects.get(username=name) for name in ("alice", "paula", "olga"))
    OrderFactory(client=alice, number=numbers["A"], status=endpoint.status)
    OrderFactory(client=paula, number=numbers["P"], status=endpoint.status)
    held = {S.MANUFACTURING_STARTED, S.MANUFACTURING_COMPLETED, S.PACKAGING, S.SHIPPED}
    there = {
        "status": S.SUBMITTED if endpoint.status in (S.INITIATED, S.FILE_UPLOADED) else endpoint.status,
        "operator": olga if endpoint.status in held else None,
        "model": store(cube()).to_json(),
    }
    WorkOrderFactory(number=numbers["A"], **there)
    WorkOrderFactory(number=numbers["P"], partner=paula, **there)


def call(endpoint: Endpoint, numbers: dict[str, str], key: str | None) -> Any:
    api = ApiClient(key=key)
    format_ = "multipart" if endpoint.multipart else "json"
    url = "/api/v1/" + endpoint.path.format(**numbers)
    if endpoint.method == "GET":
        return api.get(url)
    return getattr(api, endpoint.method.lower())(url, endpoint.body(), format=format_)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=str)
def test_an_endpoint_answers_whom_it_should_and_nobody_else(
    endpoint: Endpoint, people: dict[str, str], numbers: dict[str, str]
) -> None:
    make_orders(endpoint, numbers)
    expected: dict[str, tuple[int, str | None]] = {}
    for name in people:
        if name in ("gone", "expired", "revoked", "made up"):
            expected[name] = 401, "not_authenticated"
        elif name in endpoint.allowed:
            continue
        elif name in endpoint.not_found:
            expected[name] = 404, "not_found"
        else:
            expected[name] = 403, "permission_denied"
    before = list(Order.objects.values()), list(WorkOrder.objects.values())

    answers = {name: call(endpoint, numbers, people[name]) for name in expected}

    assert {name: (answer.status_code, answer.json()["code"]) for name, answer in answers.items()} == expected
    assert (list(Order.objects.values()), list(WorkOrder.objects.values())) == before
    assert call(endpoint, numbers, None).status_code == 401
    for name in endpoint.allowed:
        answer = call(endpoint, numbers, people[name])
        assert answer.status_code == endpoint.ok, name
        if answer.streaming:
            assert b"".join(answer) == cube_bytes()


def test_the_matrix_names_every_endpoint() -> None:
    declared = {
        f"{prefix}/{_plain(route.pattern)}"
        for prefix, included in ((str(p.pattern), p) for p in urlpatterns if "v1" in str(p.pattern))
        for route in included.url_patterns
    }
    tried = {"api/v1/" + e.path.split("?")[0].replace("{A}", "N").replace("{P}", "N") for e in ENDPOINTS}
    assert {path.replace("//", "/") for path in declared} == tried


def _plain(pattern: Any) -> str:
    text = str(pattern).removeprefix("^").removesuffix("$")
    start = text.find("(?P<number>")
    return text if start < 0 else f"{text[:start]}N{text[text.index(')', start) + 1 :]}"


@pytest.mark.parametrize("path", ["/api/schema/", "/api/docs/"])
def test_the_description_is_for_everybody(path: str) -> None:
    assert ApiClient().get(path).status_code == 200


@pytest.mark.parametrize(
    "header", ["", "Token", "Token ", "Token a b", "Bearer abc", "Basic abc", "token", "Token \xff"], ids=repr
)
def test_a_header_that_is_no_token_is_nobody(header: str) -> None:
    answer = ApiClient().get("/api/v1/shop/orders/", headers={"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Token"


class TestTheAdminsSession:
    """The second way in, for pages of ours that call the API."""

    def test_it_reads(self, olga: User) -> None:
        browser = Client()
        browser.force_login(olga)
        assert browser.get("/api/v1/mes/orders/").status_code == 200

    def test_it_writes_only_with_a_csrf_token(self, olga: User) -> None:
        order = WorkOrderFactory(status=S.MANUFACTURING_APPROVED)
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(olga)
        answer = browser.post(f"/api/v1/mes/orders/{order.number}/claim/")
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
        assert WorkOrder.objects.get().operator is None

    def test_it_ends_when_the_user_is_deactivated(self, olga: User) -> None:
        browser = Client()
        browser.force_login(olga)
        User.objects.update(is_active=False)
        assert browser.get("/api/v1/mes/orders/").status_code == 401


def test_a_role_taken_away_is_taken_at_once(olga: User, people: dict[str, str]) -> None:
    api = ApiClient(key=people["olga"])
    assert api.get("/api/v1/mes/orders/").status_code == 200
    olga.groups.clear()
    assert api.get("/api/v1/mes/orders/").status_code == 403


def test_somebody_with_two_roles_has_both(alice: User, as_user: As) -> None:
    alice.groups.add(UserFactory(role=Role.OPERATOR).groups.get())
    assert as_user(alice).get("/api/v1/mes/orders/").status_code == 200
    assert as_user(alice).get("/api/v1/shop/orders/").status_code == 200
