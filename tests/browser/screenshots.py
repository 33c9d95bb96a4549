"""`make screenshots`: how does every page look, light, dark, on a phone and in Russian?

It logs in to the running demo as its people and writes PNG files to docs/screenshots/.
"""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import django
from playwright.sync_api import Browser, Page, sync_playwright

from config import embedded
from config.run import address, demo_users

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
    "admin": {"caches": "caches/", "events": "events/outboxevent/", "users": "accounts/user/"},
}


def main() -> None:
    """Write every page in every look."""
    site = address()
    if site is None:
        sys.exit("The site does not run: start it with `make run` in another terminal.")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("No chromium on PATH; on Debian: apt-get install chromium")
    embedded.hold()
    django.setup()
    password = demo_users("--orders=0")["operator1"]["password"]
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for look in LOOKS:
            for name, page in _pages(browser, site, look, password):
                page.screenshot(path=FOLDER / f"{name}-{look.name}.png")
        browser.close()


def _pages(browser: Browser, site: str, look: Look, password: str) -> Iterator[tuple[str, Page]]:
    """Each page, open; the login first."""
    for number, (user, pages) in enumerate(PAGES.items()):
        context = browser.new_context(
            base_url=f"{site.rstrip('/')}/admin/",
            viewport=PHONE if look.phone else TABLET,
            color_scheme=look.scheme,
            locale=look.language,
            has_touch=look.phone,
        )
        page = context.new_page()
        page.goto("login/")
        if not number:
            yield "login", page
        page.locator("[name=username]").fill(user)
        page.locator("[name=password]").fill(password)
        page.locator("[name=password]").press("Enter")
        page.wait_for_url(lambda url: "login" not in url)
        _speak(page, look.language)
        for name, path in pages.items():
            if path == "first":
                page.locator("#result_list tbody a").first.click()
            else:
                page.goto(path)
            page.wait_for_load_state("networkidle" if "board" not in name else "load")
            page.wait_for_timeout(700)  # pictures fade in
            yield name, page
        _speak(page, "en")
        context.close()


def _speak(page: Page, language: str) -> None:
    """Choose the language as the header's menu does."""
    token = next(one["value"] for one in page.context.cookies() if one["name"] == "csrftoken")
    page.request.post(
        "language/", form={"language": language, "csrfmiddlewaretoken": token}, headers={"Referer": page.url}
    )


if __name__ == "__main__":
    main()
