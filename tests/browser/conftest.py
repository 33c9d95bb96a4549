"""People in front of real browsers: a chromium, and a window for each of them."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from accounts.models import User

# Playwright's own loop runs in the thread of the test, where Django would refuse every query.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}

Window = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's chromium, without a screen."""
    if CHROMIUM is None:
        pytest.skip("no chromium on PATH: apt-get install chromium")
    expect.set_options(timeout=10_000)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Settings) -> None:
    """Passwords that are checked in no time; nobody attacks them here."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def window(browser: Browser, live_server: LiveServer) -> Iterator[Window]:
    """``window(olga)`` is a browser of olga's own, in which she has logged in and sees where she landed.

    An error on the page's console fails the test: a script or a style sheet that isn't there is one.
    """
    opened, errors = [], []

    def open_for(user: User, **options: object) -> Page:
        user.is_staff = True
        user.set_password("a long pass phrase")
        user.save()
        context = browser.new_context(**{"viewport": DESK, "base_url": live_server.url, **options})
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        page.goto("/admin/")
        page.get_by_label("Username").fill(user.username)
        page.get_by_label("Password").fill("a long pass phrase")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_label("Username")).to_have_count(0)
        return page

    yield open_for
    for context in opened:
        context.close()
    assert not errors
