"""Can everybody use every page: does axe find a serious fault on any, in light and in dark?"""

from functools import cache

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from accounts.models import User
from events.vocabulary import ActorKind, Status
from mes import claims
from mes.models import WorkOrder
from tests.browser.conftest import PHONE, TABLET, Window
from tests.factories import OrderFactory, WorkOrderFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SERIOUS = {"serious", "critical"}
LONG = (
    "An unreasonably long title of a ring with Donaudampfschifffahrtsgesellschaftskapitän engraved "
    + "x" * 20
)


@cache
def axe() -> Axe:
    return Axe()


@pytest.fixture
def world(olga: User, sam: User) -> None:
    """Something on every page, the long and the huge among it."""
    breakdown = {"volume_mm3": "1.000", "mass_g": "1.000", "material_cost": "60.00", "making_cost": "60.00"}
    for status in (Status.MANUFACTURING_APPROVED, Status.PRICE_CALCULATED, Status.PRICING_FAILED):
        terms = {"title": LONG, "quantity": 1000, "price": "9999999999.99", "price_breakdown": breakdown}
        order = WorkOrderFactory(status=status, **terms)
        OrderFactory(number=order.number, status=status, **terms)
        order.history.create(to_status=status, actor_kind=ActorKind.CLIENT, at=order.created_at)
    held = WorkOrderFactory(status=Status.MANUFACTURING_APPROVED, title=LONG, due_date="2020-01-01")
    claims.work_order_claim(number=held.number, operator=olga)
    WorkOrderFactory(status=Status.PACKAGING, operator=olga)


def faults_of(page: Page, address: str) -> list[str]:
    page.goto(address)
    found = axe().run(page).response["violations"]
    faults = [
        f"{page.url}: {one['id']} {node['html'][:160]}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        faults.append(f"{page.url} is wider than the screen")
    return faults


WORK_ORDERS, ORDERS = "/admin/mes/workorder/", "/admin/shop/order/"
BOARD, MINE, DASHBOARD = "/admin/board/", "/admin/my-orders/", "/admin/dashboard/"
APPROVALS = f"{ORDERS}?status__exact=PRICE_CALCULATED"
EVENTS = [
    "/admin/caches/",
    "/admin/events/outboxevent/",
    "/admin/accounts/user/",
    "/admin/accounts/apitoken/",
]


@pytest.mark.parametrize(
    ("name", "look", "addresses"),
    [
        ("olga", {"viewport": TABLET}, [BOARD, MINE, DASHBOARD, WORK_ORDERS, f"{WORK_ORDERS}NUMBER/change/"]),
        ("olga", {"viewport": PHONE, "color_scheme": "dark"}, [BOARD, MINE, DASHBOARD]),
        ("sam", {"color_scheme": "dark"}, [APPROVALS, f"{ORDERS}NUMBER/change/", "/admin/mes/tariff/"]),
        ("erik", {}, EVENTS),
    ],
    ids=["operator-tablet", "operator-phone-dark", "seller-dark", "engineer"],
)
def test_no_page_has_a_serious_fault(
    window: Window,
    world: None,
    request: pytest.FixtureRequest,
    name: str,
    look: dict[str, object],
    addresses: list[str],
) -> None:
    page = window(request.getfixturevalue(name), **look)
    number = WorkOrder.objects.filter(status=Status.PRICE_CALCULATED).get().number
    faults = [fault for one in addresses for fault in faults_of(page, one.replace("NUMBER", number))]
    assert not faults, "\n".join(faults)


def test_the_login_has_no_serious_fault(window: Window, olga: User) -> None:
    page = window(olga)
    page.context.clear_cookies()
    assert not faults_of(page, "/admin/login/")
