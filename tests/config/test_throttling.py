"""How many requests may a user make, and what happens to the next one?"""

from collections.abc import Iterator

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from accounts.models import User
from accounts.services import token_issue
from config import throttling
from config.throttling import RateLimiter


class Clock:
    """A clock that the test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_admitted_and_then_one_request_an_interval() -> None:
    clock = Clock()
    limiter = RateLimiter(10, burst=20, clock=clock)
    assert [limiter.wait_for("a") for _ in range(20)] == [0.0] * 20
    assert limiter.wait_for("a") == pytest.approx(0.1)
    clock.now += 0.1
    assert limiter.wait_for("a") == 0.0
    assert limiter.wait_for("a") > 0


def test_waiting_as_long_as_told_is_enough_and_less_is_not() -> None:
    clock = Clock()
    limiter = RateLimiter(3, burst=1, clock=clock)
    limiter.wait_for("a")
    wait = limiter.wait_for("a")
    clock.now += wait * 0.99
    assert limiter.wait_for("a") > 0
    clock.now += wait * 0.02
    assert limiter.wait_for("a") == 0.0


def test_one_user_does_not_pay_for_another() -> None:
    limiter = RateLimiter(1, burst=1, clock=Clock())
    assert limiter.wait_for("a") == 0.0
    assert limiter.wait_for("b") == 0.0
    assert limiter.wait_for("a") > 0


def test_a_refused_request_costs_nothing() -> None:
    clock = Clock()
    limiter = RateLimiter(1, burst=1, clock=clock)
    limiter.wait_for("a")
    for _ in range(100):
        assert limiter.wait_for("a") == pytest.approx(1.0)


def test_memory_is_bounded_and_forgets_who_asked_longest_ago() -> None:
    limiter = RateLimiter(1, burst=1, clock=Clock(), most_keys=3)
    for key in "abcd":
        limiter.wait_for(key)
    assert limiter.wait_for("d") > 0
    assert limiter.wait_for("b") > 0
    assert limiter.wait_for("a") == 0.0


@given(st.lists(st.floats(0, 2), max_size=80), st.integers(1, 20), st.integers(1, 10))
def test_no_window_ever_admits_more_than_burst_and_rate_allow(
    pauses: list[float], rate: int, burst: int
) -> None:
    clock = Clock()
    limiter = RateLimiter(rate, burst, clock=clock)
    admitted: list[float] = []
    for pause in pauses:
        clock.now += pause
        if limiter.wait_for("a") == 0.0:
            admitted.append(clock.now)
    for first, began in enumerate(admitted):
        for last in range(first, len(admitted)):
            assert last - first + 1 <= burst + (admitted[last] - began) * rate + 1e-6


@pytest.fixture
def one_a_second(settings: Settings) -> Iterator[None]:
    """The site with a limit of one request a second, a burst of two."""
    settings.THROTTLE_RATE = 1
    throttling._limiter.cache_clear()
    yield
    throttling._limiter.cache_clear()


@pytest.mark.urls("tests.config.probes")
@pytest.mark.django_db
def test_who_asks_too_often_is_told_when_to_come_again(client: Client, one_a_second: None) -> None:
    assert [client.get("/api/users/").status_code for _ in range(3)] == [200, 200, 429]
    answer = client.get("/api/users/")
    assert answer.json()["code"] == "throttled"
    assert answer["Retry-After"] == "1"
    assert client.get("/api/users/", REMOTE_ADDR="10.0.0.9").status_code == 200


@pytest.mark.urls("tests.config.probes")
@pytest.mark.django_db
def test_users_behind_one_address_have_a_limit_each(one_a_second: None) -> None:
    for name in ("ann", "bob"):
        _token, key = token_issue(user=User.objects.create_user(name), name="test")
        client = Client(headers={"authorization": f"Token {key}"})
        assert [client.get("/api/users/").status_code for _ in range(3)] == [200, 200, 429]


@pytest.mark.urls("tests.config.probes")
@pytest.mark.django_db
def test_the_limit_can_be_switched_off(client: Client, settings: Settings, one_a_second: None) -> None:
    settings.THROTTLE_RATE = 0
    assert {client.get("/api/users/").status_code for _ in range(5)} == {200}
