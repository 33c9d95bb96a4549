"""People in front of real browsers: a chromium, a window for each, and a relay that keeps the board."""

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings as django_settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.browser.chromium import HOW_TO_GET_IT, chromium
from tests.caching.relays import running

# Playwright's own loop runs in the thread of the test, where Django would refuse every query.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

DESK, TABLET, PHONE = (
    {"width": 1280, "height": 800},
    {"width": 1024, "height": 768},
    {"width": 390, "height": 844},
)
PASSWORD = "a long pass phrase"

Window = Callable[..., Page]
#: Browsers that nobody uses now, by what is special about them: scripts and fonts are loaded once for all.
Idle = dict[str, list[BrowserContext]]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A chromium without a screen. Without one the tests are skipped, or fail if REQUIRE_BROWSER is set."""
    path = chromium()
    if path is None:
        (pytest.fail if os.environ.get("REQUIRE_BROWSER") else pytest.skip)(HOW_TO_GET_IT)
    expect.set_options(timeout=15_000)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def idle(browser: Browser) -> Idle:
    """None yet."""
    return defaultdict(list)


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    """Passwords that are checked in no time; nobody attacks them here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def relay(transactional_db: None) -> Iterator[None]:
    """The board is served from the cache."""
    with running():
        yield


@pytest.fixture
def window(browser: Browser, idle: Idle, live_server: LiveServer) -> Iterator[Window]:
    """``window(olga)`` is a browser of olga's own, logged in, that shows where she lands.

    An error on the page's console fails the test (a script or a style sheet that isn't there is one), except
    a connection that the test has cut (htmx tells it too), and what contains ``forgive``.
    """
    opened, errors = [], []

    def open_for(user: User, forgive: str = "net::", **options: object) -> Page:
        user.is_staff = True
        user.set_password(PASSWORD)
        user.save()
        special = {"viewport": DESK, "base_url": live_server.url, **options}
        kind = json.dumps(special, sort_keys=True)
        context = idle[kind].pop() if idle[kind] else browser.new_context(**special)
        context.add_cookies([{"name": "sessionid", "value": _session(user), "url": live_server.url}])
        opened.append((kind, context))
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))

        def note(text: str) -> None:
            if not any(
                word in text for word in ("net::ERR_", "htmx:sendError", "htmx:afterRequest", forgive)
            ):
                errors.append(text)

        page.on("console", lambda line: note(line.text) if line.type == "error" else None)
        page.goto("/admin/")
        return page

    yield open_for
    for kind, context in opened:
        _forget(context)
        idle[kind].append(context)
    assert not errors


def _forget(context: BrowserContext) -> None:
    """Close the windows; nothing but what the browser has loaded is left to the next user."""
    context.clear_cookies()
    for page in context.pages:
        page.unroute_all()
        page.evaluate("localStorage.clear()")
        page.close()


def _session(user: User) -> str:
    """The key of a session in which the user is logged in."""
    client = Client()
    client.force_login(user)
    return client.cookies[django_settings.SESSION_COOKIE_NAME].value


def log_in(page: Page, user: User) -> None:
    """Fill the login form that the page shows."""
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
