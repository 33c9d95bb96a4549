"""Is a guesser of passwords slowed down, and nobody else?"""

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from config import login
from config.throttling import RateLimiter
from tests.desks import desk

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "BY_NAME", RateLimiter(rate=1 / 60, burst=3))
    monkeypatch.setattr(login, "BY_ADDRESS", RateLimiter(rate=1 / 60, burst=5))


def attempt(name: str, password: str, address: str = "10.0.0.1") -> HttpResponse:
    browser = Client(REMOTE_ADDR=address, HTTP_ACCEPT_LANGUAGE="en")
    return browser.post("/admin/login/", {"username": name, "password": password})


@pytest.fixture
def known(olga: User) -> User:
    desk(olga)
    olga.set_password("a long pass phrase")
    olga.save()
    return olga


def test_after_a_few_tries_even_the_right_password_waits(known: User) -> None:
    for _ in range(3):
        assert "Too many attempts" not in attempt("olga", "wrong").text
    refused = attempt("Olga", "a long pass phrase")
    assert "Too many attempts. Try again in" in refused.text


def test_a_stranger_elsewhere_locks_nobody_out(known: User) -> None:
    for _ in range(4):
        attempt("olga", "wrong", address="10.6.6.6")
    assert attempt("olga", "a long pass phrase").status_code == 302


def test_one_address_may_not_try_names_for_ever(known: User) -> None:
    for number in range(5):
        attempt(f"user{number}", "wrong")
    assert "Too many attempts" in attempt("olga", "a long pass phrase").text
