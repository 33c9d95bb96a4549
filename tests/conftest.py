"""The named people every test knows, the clients they call with, and a clean Redis."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db.models.signals import post_migrate
from django_redis import get_redis_connection
from pytest_django import Settings

from accounts.models import User
from accounts.roles import Role
from config.celery import app as celery_app
from events import outbox
from events.models import OutboxEvent
from mes.models import Tariff
from mes.pricing import DEFAULT_TARIFFS
from tests.clients import ApiClient
from tests.factories import UserFactory
from tests.live import live, site

__all__ = ["live", "site"]  # fixtures

As = Callable[[User], ApiClient]
Deliver = Callable[[], int]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """A test that commits is followed by a TRUNCATE, which takes the tariffs of the migration too; Django
    announces it like a migration, and so they come back."""
    post_migrate.connect(_restore_tariffs)


def _restore_tariffs(sender: Any, **_kwargs: Any) -> None:
    if sender.label == "mes":
        tariffs = [Tariff(**vars(default)) for default in DEFAULT_TARIFFS]
        Tariff.objects.bulk_create(tariffs, ignore_conflicts=True)


@pytest.fixture(scope="session", autouse=True)
def _no_old_nudges() -> None:
    """No worker reads this run's broker, and the next run shall not find it full."""
    celery_app.control.purge()


@pytest.fixture(autouse=True)
def _clean_redis() -> Iterator[None]:
    """Nothing of another test in this worker's Redis database."""
    get_redis_connection("default").flushdb()
    yield
    cache.close()


@pytest.fixture(autouse=True)
def _broker_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that failed in another test is asked again."""
    monkeypatch.setitem(outbox._broker, "paused_until", 0.0)


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
def peter(db: None) -> User:
    """Another partner."""
    return UserFactory(username="peter", role=Role.PARTNER)


@pytest.fixture
def erik(db: None) -> User:
    """An engineer."""
    return UserFactory(username="erik", role=Role.ENGINEER)


@pytest.fixture
def as_user() -> As:
    """``as_user(alice)`` is an API client that calls as alice."""

    return ApiClient


@pytest.fixture
def deliver() -> Deliver:
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
