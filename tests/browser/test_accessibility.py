"""Can everybody use every page: does axe find a serious fault on any, in light, in dark, on a phone?"""

from functools import cache

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import Group
from django.template.loader import render_to_string
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from events.models import OutboxEvent
from events.vocabulary import ActorKind, Status
from mes import claims
from mes.models import Tariff, WorkOrder
from tests.browser.conftest import PHONE, TABLET, Window
from tests.desks import desk
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
def world(olga: User, sam: User) -> OutboxEvent:
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
    now = timezone.now()
    return OutboxEvent.objects.create(
        kind="OrderSubmitted",
        subject=held.number,
        payload={"title": LONG},
        error=LONG,
        attempts=9,
        due_at=now,
        parked_at=now,
    )


#: What fades in is there at once: a colour on its way has little contrast.
STILL = "*, *::before, *::after { transition: none !important; animation: none !important }"


def faults_of(page: Page, address: str = "") -> list[str]:
    """What axe finds on the page in light, what its colours do in dark, and whether a phone must scroll it
    sideways."""
    if address:
        page.goto(address)
    page.add_style_tag(content=STILL)
    page.emulate_media(color_scheme="light")
    faults = serious(page)
    page.emulate_media(color_scheme="dark")
    page.evaluate("document.documentElement.classList.add('dark')")  # as unfold does when it loads
    faults += serious(page, "color-contrast")
    for size in (TABLET, PHONE):
        page.set_viewport_size(size)
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            faults.append(f"{page.url} is wider than {size['width']} pixels")
    page.set_viewport_size(TABLET)
    return faults


def serious(page: Page, *rules: str) -> list[str]:
    """axe's serious and critical findings, of these rules or of all."""
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    found = axe().run(page, options=options).response["violations"]
    return [
        f"{page.url}: {one['id']} {node['html'][:160]}"
        for one in found
        if one["impact"] in SERIOUS
        for node in one["nodes"]
    ]


WORK_ORDERS, ORDERS = "/admin/mes/workorder/", "/admin/shop/order/"
PAGES = {
    "olga": [
        "/admin/board/",
        "/admin/board/?status=any",
        "/admin/my-orders/",
        "/admin/dashboard/",
        WORK_ORDERS,
        f"{WORK_ORDERS}NUMBER/change/",
        "/admin/password_change/",
    ],
    "sam": [
        ORDERS,
        f"{ORDERS}?status__exact=PRICE_CALCULATED",
        f"{ORDERS}NUMBER/change/",
        "/admin/mes/tariff/",
        "/admin/mes/tariff/TARIFF/change/",
    ],
    "erik": [
        "/admin/caches/",
        "/admin/events/outboxevent/",
        "/admin/events/outboxevent/EVENT/change/",
        "/admin/accounts/user/",
        "/admin/accounts/user/USER/change/",
        "/admin/accounts/apitoken/",
    ],
    "anna": [
        "/admin/",
        "/admin/auth/group/",
        "/admin/auth/group/GROUP/change/",
        "/admin/accounts/user/add/",
        "/admin/accounts/user/USER/change/",
    ],
}


@pytest.mark.parametrize("name", PAGES)
def test_no_page_has_a_serious_fault(
    window: Window, world: OutboxEvent, request: pytest.FixtureRequest, name: str
) -> None:
    user: User = request.getfixturevalue(name)
    page = window(user, viewport=TABLET)
    order = WorkOrder.objects.filter(status=Status.PRICE_CALCULATED).get()
    known = {
        "NUMBER": order.number,
        "EVENT": str(world.pk),
        "TARIFF": str(Tariff.objects.first().pk),
        "USER": str(user.pk),
        "GROUP": str(Group.objects.first().pk),
    }
    faults = []
    for address in PAGES[name]:
        for word, value in known.items():
            address = address.replace(word, value)
        faults += faults_of(page, address)
    assert not faults, "\n".join(faults)


def test_a_question_about_many_rows_has_no_serious_fault(
    window: Window, world: OutboxEvent, anna: User
) -> None:
    page = window(anna, viewport=TABLET, forgive="404")  # /healthz has no icon
    page.goto("/healthz")  # a page without scripts, to be written over
    chosen = {"action": "delete_selected", "_selected_action": [anna.pk]}
    page.set_content(desk(anna).post("/admin/accounts/user/", chosen).text)
    expect(page.get_by_text("Are you sure")).to_be_visible()
    faults = faults_of(page)
    assert not faults, "\n".join(faults)


def test_the_board_has_no_serious_fault_while_something_is_wrong(
    window: Window, world: None, olga: User
) -> None:
    """Banners, the pill, the list of keys, a phone, a sidebar that covers the page."""
    page = window(olga, viewport=PHONE)
    page.evaluate(
        "document.querySelectorAll('.board-banner, .board-pill').forEach((one) => one.hidden = false)"
    )
    page.evaluate("document.querySelector('.board-pill').textContent = '12 new orders'")
    faults = faults_of(page)
    page.get_by_role("button", name="Menu").first.click()
    page.get_by_role("button", name="Olga Berg").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    faults += faults_of(page)
    page.get_by_role("button", name="Olga Berg").click()
    page.locator("#nav-sidebar").get_by_role("button", name="Menu").click()
    page.evaluate("document.getElementById('board-keys').showModal()")
    faults += faults_of(page)
    assert not faults, "\n".join(faults)


def test_the_sidebar_and_the_account_are_used_by_keyboard_alone(window: Window, olga: User) -> None:
    page = window(olga, viewport=TABLET)
    menu = page.locator("#header-inner").get_by_role("button", name="Menu")
    menu.focus()
    page.keyboard.press("Enter")
    account = page.get_by_role("button", name="Olga Berg")
    expect(account).to_be_visible()
    account.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Dark").focus()
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_class("dark")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Dark")).to_be_hidden()


def test_the_login_and_the_pages_of_errors_have_no_serious_fault(window: Window, olga: User) -> None:
    page = window(olga, forgive="status of 40")
    faults = [*faults_of(page, "/admin/caches/"), *faults_of(page, "/admin/nowhere/")]
    for name in ("500.html", "503.html", "403_csrf.html"):
        page.set_content(render_to_string(name))
        faults += faults_of(page)
    page.context.clear_cookies()
    faults += faults_of(page, "/admin/login/")
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password", exact=False).first.fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Please enter the correct")).to_be_visible()
    faults += faults_of(page)
    assert not faults, "\n".join(faults)
