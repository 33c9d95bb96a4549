"""The named people every test knows, the clients they call with, and a clean Redis."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django_redis import get_redis_connection
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts.models import User
from accounts.roles import Role
from events import outbox
from events.models import OutboxEvent
from tests.factories import UserFactory

As = Callable[[User], APIClient]


@pytest.fixture(autouse=True)
def _clean_redis() -> Iterator[None]:
    """Nothing of another test in this worker's Redis database."""
    get_redis_connection("default").flushdb()
    yield
    cache.close()


@pytest.fixture(autouse=True)
def _models_root(settings: Settings, tmp_path: Path) -> None:
    """Uploaded files of a test go with it."""
    settings.MODELS_ROOT = tmp_path / "models"


@pytest.fixture
def alice(db: None) -> User:
    """A client."""
    return UserFactory(username="alice", role=Role.CLIENT)


@pytest.fixture
def clara(db: None) -> User:
    """Another client."""
    return UserFactory(username="clara", role=Role.CLIENT)


@pytest.fixture
def olga(db: None) -> User:
    """An operator."""
    return UserFactory(username="olga", first_name="Olga", last_name="Berg", role=Role.OPERATOR)


@pytest.fixture
def otto(db: None) -> User:
    """Another operator."""
    return UserFactory(username="otto", role=Role.OPERATOR)


@pytest.fixture
def sam(db: None) -> User:
    """A seller."""
    return UserFactory(username="sam", role=Role.SELLER)


@pytest.fixture
def paula(db: None) -> User:
    """A partner."""
    return UserFactory(username="paula", role=Role.PARTNER)


@pytest.fixture
def erik(db: None) -> User:
    """An engineer."""
    return UserFactory(username="erik", role=Role.ENGINEER)


@pytest.fixture
def as_user() -> As:
    """``as_user(alice)`` is an API client that calls as alice."""

    def client(user: User) -> APIClient:
        api = APIClient()
        api.force_authenticate(user)
        return api

    return client


@pytest.fixture
def deliver() -> Callable[[], int]:
    """``deliver()`` handles every waiting event, as a worker would, until none waits; returns how many."""

    def until_quiet() -> int:
        handled = 0
        while ids := list(
            OutboxEvent.objects.filter(handled_at=None, parked_at=None)
            .order_by("id")
            .values_list("pk", flat=True)
        ):
            done = sum(outbox.handle(event_id) for event_id in ids)
            if not done:
                errors = list(OutboxEvent.objects.filter(pk__in=ids).values_list("kind", "error"))
                raise AssertionError(f"events that nobody can handle: {errors}")
            handled += done
        return handled

    return until_quiet
