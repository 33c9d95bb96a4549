"""`make screenshots`: how does every page look, light, dark, on a phone and in Russian?

It logs in to the running demo as its people and writes PNG files to docs/screenshots/. What the demo has not
got (an event that waits, one that is parked) it makes, and takes away again.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import django
from django.utils import timezone
from playwright.sync_api import Browser, Page, Route, sync_playwright

from config import embedded
from config.run import address, demo_users
from tests.browser.chromium import HOW_TO_GET_IT, chromium

FOLDER = Path(__file__).parents[2] / "docs/screenshots"
TABLET, PHONE = {"width": 1024, "height": 768}, {"width": 390, "height": 844}


@dataclass(frozen=True)
class Look:
    """One way to look at a page."""

    name: str
    language: str = "en"
    scheme: str = "light"
    phone: bool = False


LOOKS = (
    Look("light"),
    Look("dark", scheme="dark"),
    Look("phone", phone=True),
    Look("russian", language="ru"),
)
#: Who sees which page; "first" is the first link of the list before.
PAGES = {
    "operator1": {
        "board": "board/",
        "board-filtered": "board/?material=platinum_950&status=SUBMITTED",
        "my-orders": "my-orders/",
        "dashboard": "dashboard/",
        "work-orders": "mes/workorder/",
        "work-order": "first",
    },
    "seller": {
        "approvals": "shop/order/?status__exact=PRICE_CALCULATED",
        "order": "first",
        "orders": "shop/order/",
        "tariffs": "mes/tariff/",
    },
    "admin": {
        "caches": "caches/",
        "events": "events/outboxevent/",
        "event": "first",
        "users": "accounts/user/",
    },
}


def _stepped_aside(page: Page) -> None:
    """The cache can't vouch for the board, says the next poll."""
    bypass = {"Cache-Status": "mes-board; fwd=bypass; detail=no-fence"}
    page.route(LIVE, lambda route: route.fulfill(status=304, headers=bypass))
    page.locator("#board-aside").wait_for()


def _lost(page: Page) -> None:
    """Nobody answers the next poll."""
    page.route(LIVE, lambda route: route.abort())
    page.locator("#board-lost").wait_for()


def _twelve_new(page: Page) -> None:
    """Somebody is about to claim an order while the poll brings twelve new ones."""

    def ask_for_all(route: Route) -> None:
        headers = {name: value for name, value in route.request.headers.items() if name != "if-none-match"}
        route.continue_(headers=headers)

    page.evaluate("[...document.querySelectorAll('.board-row')].slice(0, 12).forEach((row) => row.remove())")
    page.locator(".board-row button").nth(2).hover()
    page.route(LIVE, ask_for_all)
    page.locator("#board-pill").wait_for()


def _empty(page: Page) -> None:
    """Nothing waits."""
    page.route(LIVE, lambda route: route.fulfill(status=304))
    page.evaluate("""
      document.querySelectorAll(".board-row, #board-pages a").forEach((one) => one.remove());
      document.querySelectorAll(".board-count").forEach((count) => { count.textContent = "0"; });
    """)
    page.get_by_text("No orders here.").wait_for()


def _extreme(page: Page) -> None:
    """The longest title there can be, the largest numbers, and a claim that came too late."""
    page.route(LIVE, lambda route: route.fulfill(status=304))
    page.evaluate("""
      const [first, second] = document.querySelectorAll(".board-row");
      first.querySelector(".board-title").textContent =
        "Ring with Donaudampfschifffahrtsgesellschaftskapitän engraved in letters of a millimetre";
      first.querySelector(".board-quantity").textContent = "1,000";
      first.querySelector(".board-price").textContent = "9,999,999,999.99 EUR";
      second.querySelector(".board-act").innerHTML =
        "<span class='board-taken'>Taken by Wolfeschlegelsteinhausenbergerdorff</span>";
      document.querySelectorAll(".board-count").forEach((count) => { count.textContent = "1,000,000"; });
    """)


def _keys(page: Page) -> None:
    """What ? shows."""
    page.keyboard.press("?")


def _menu(page: Page) -> None:
    """The sidebar over the page, and what the account offers."""
    page.locator("#header-inner .frame-button:visible").click()
    page.locator("[aria-controls=user-links]").click()


LIVE = "**/board/live/**"
#: The board in rare moments, by name.
MOMENTS: dict[str, Callable[[Page], None]] = {
    "stepped-aside": _stepped_aside,
    "connection-lost": _lost,
    "twelve-new": _twelve_new,
    "empty": _empty,
    "extreme": _extreme,
    "keys": _keys,
    "menu": _menu,
}


@contextmanager
def _events() -> Iterator[None]:
    """An event that waits for its next nudge, and one that was parked."""
    # Late, here and above: models can be imported only when Django is set up.
    from events.models import OutboxEvent
    from mes.models import WorkOrder

    now = timezone.now()
    common = {"subject": WorkOrder.objects.latest("position").number, "payload": {}}
    waiting = {"kind": "shop.order_approved", "due_at": now + timedelta(hours=1), "attempts": 1}
    parked = {"kind": "shop.cancel_requested", "due_at": now, "parked_at": now, "attempts": 12}
    made = [
        OutboxEvent.objects.create(**common, **waiting, error="OperationalError: the connection is closed"),
        OutboxEvent.objects.create(**common, **parked, error="ValueError: the payload has no field “reason”"),
    ]
    try:
        yield
    finally:
        OutboxEvent.objects.filter(pk__in=[one.pk for one in made]).delete()


def main() -> None:
    """Write every page in every look, and the board's rare moments."""
    site = address()
    if site is None:
        sys.exit("The site does not run: start it with `make run` in another terminal.")
    path = chromium()
    if path is None:
        sys.exit(HOW_TO_GET_IT)
    embedded.hold()
    django.setup()
    password = demo_users("--orders=0")["operator1"]["password"]
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Playwright's own loop runs in this thread, where Django would refuse every query.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with _events(), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for look in LOOKS:
            for name, page in _pages(browser, site, look, password):
                page.screenshot(path=FOLDER / f"{name}-{look.name}.png")
        for name, page in _moments(browser, site, password):
            page.screenshot(path=FOLDER / f"board-{name}.png")
        browser.close()


def _pages(browser: Browser, site: str, look: Look, password: str) -> Iterator[tuple[str, Page]]:
    """Each page, open; the login first."""
    for number, (user, pages) in enumerate(PAGES.items()):
        page = _open(browser, site, look)
        if not number:
            yield "login", page
        _log_in(page, user, password, look.language)
        for name, path in pages.items():
            if path == "first":
                page.locator("#result_list tbody a").first.click()
            else:
                page.goto(path)
            page.wait_for_load_state("networkidle" if "board" not in name else "load")
            page.wait_for_timeout(700)  # pictures fade in
            yield name, page
        _speak(page, "en")
        page.context.close()


def _moments(browser: Browser, site: str, password: str) -> Iterator[tuple[str, Page]]:
    """The board in each of its rare moments."""
    for name, bring_about in MOMENTS.items():
        page = _open(browser, site, LOOKS[0])
        _log_in(page, "operator1", password, "en")
        page.goto("board/")
        bring_about(page)
        page.wait_for_timeout(700)
        yield name, page
        page.context.close()


def _open(browser: Browser, site: str, look: Look) -> Page:
    """The login page as the look has it."""
    context = browser.new_context(
        base_url=f"{site.rstrip('/')}/admin/",
        viewport=PHONE if look.phone else TABLET,
        color_scheme=look.scheme,
        locale=look.language,
        has_touch=look.phone,
    )
    page = context.new_page()
    page.goto("login/")
    return page


def _log_in(page: Page, user: str, password: str, language: str) -> None:
    """Pass the login, in that language from now on."""
    page.locator("[name=username]").fill(user)
    page.locator("[name=password]").fill(password)
    page.locator("[name=password]").press("Enter")
    page.wait_for_url(lambda url: "login" not in url)
    _speak(page, language)


def _speak(page: Page, language: str) -> None:
    """Choose the language as the header's menu does."""
    token = next(one["value"] for one in page.context.cookies() if one["name"] == "csrftoken")
    page.request.post(
        "language/", form={"language": language, "csrfmiddlewaretoken": token}, headers={"Referer": page.url}
    )


if __name__ == "__main__":
    main()
