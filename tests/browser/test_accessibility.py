"""Can everybody use every page: does axe find a serious fault on any, in light and in dark?"""

from collections.abc import Iterator
from functools import cache

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from accounts.models import User
from events.vocabulary import ActorKind, Status
from mes import claims
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


def pages_of(page: Page) -> Iterator[str]:
    """Every page of the sidebar, and one order or event from each list."""
    links = page.locator("#nav-sidebar a, nav a").evaluate_all("all => all.map((one) => one.href)")
    for link in dict.fromkeys(one for one in links if "/admin/" in one and "logout" not in one):
        yield link
        page.goto(link)
        first = page.locator("#result_list tbody a, .board-number").first
        if first.count():
            yield first.evaluate("one => one.href")


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


@pytest.mark.parametrize(
    ("name", "look"),
    [
        ("olga", {"color_scheme": "light", "viewport": TABLET}),
        ("olga", {"color_scheme": "dark", "viewport": PHONE}),
        ("sam", {"color_scheme": "dark"}),
        ("erik", {"color_scheme": "light"}),
    ],
    ids=["operator-tablet", "operator-phone-dark", "seller-dark", "engineer"],
)
def test_no_page_has_a_serious_fault(
    window: Window, world: None, request: pytest.FixtureRequest, name: str, look: dict[str, object]
) -> None:
    page = window(request.getfixturevalue(name), **look)
    faults = [fault for address in list(dict.fromkeys(pages_of(page))) for fault in faults_of(page, address)]
    assert not faults, "\n".join(sorted(set(faults)))


def test_the_login_has_no_serious_fault(window: Window, olga: User) -> None:
    page = window(olga)
    page.context.clear_cookies()
    assert not faults_of(page, "/admin/login/")
