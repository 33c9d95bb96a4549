"""The named people every test knows, the clients they call with, and a clean Redis."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.test import TransactionTestCase
from django_redis import get_redis_connection
from pytest_django import DjangoDbBlocker, Settings

from accounts.models import User
from accounts.roles import Role
from caching import lines, signals
from caching.declared import Declared
from caching.redis import breaker
from config.celery import app as celery_app
from events import outbox
from events.models import OutboxEvent
from tests.caching.relays import LONG_FENCE, SteppedRelay, stepped
from tests.clients import ApiClient
from tests.factories import UserFactory
from tests.live import live, site
from tests.outbox import handle_due

__all__ = ["live", "site"]  # fixtures

As = Callable[[User], ApiClient]
Deliver = Callable[[], int]


#: What migrations made stays between tests that commit.
MADE_BY_MIGRATIONS = {
    "django_migrations",
    "django_content_type",
    "auth_permission",
    "auth_group",
    "auth_group_permissions",
    "mes_tariff",
}


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """After a test that commits, what it wrote is deleted at one go: Django's own TRUNCATE of all tables, and
    making all types, permissions and groups anew, took longer than most tests."""

    def delete_what_was_written(_test_case: TransactionTestCase) -> None:
        models = connection.introspection.django_table_names(only_existing=True, include_views=False)
        tables = {*models, "caching_change"} - MADE_BY_MIGRATIONS
        deletes = [f"DELETE FROM {table}" for table in sorted(tables)]
        no_triggers = "SET session_replication_role = replica"
        with connection.cursor() as cursor:
            cursor.execute("; ".join([no_triggers, *deletes, "RESET session_replication_role"]))

    TransactionTestCase._fixture_teardown = delete_what_was_written  # type: ignore[attr-defined]
    with django_db_blocker.unblock():
        lines.learn()  # as each process does when it connects; here that was before the migrations


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
def _nothing_learnt(_clean_redis: None) -> None:
    """What this process knew of Redis, and of rows that were rolled back, went with the test before."""
    vars(transaction.get_connection()).pop(signals._PENDING, None)
    breaker.succeeded()
    for declared in Declared.registry:
        if vars(declared).keys() & {"partition", "partitions"}:  # else nobody has asked for them yet
            for partition in declared.partitions:
                partition._known = None


@pytest.fixture
def stepped_relay(transactional_db: None, settings: Settings) -> Iterator[SteppedRelay]:
    """A relay whose passes the test drives one by one; the fences stand for a minute between them."""
    settings.CACHE_FENCE_SECONDS = LONG_FENCE
    with stepped() as relay:
        yield relay


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
def anna(db: None) -> User:
    """The administrator, who may do everything."""
    return UserFactory(username="anna", is_superuser=True)


@pytest.fixture
def as_user() -> As:
    """``as_user(alice)`` is an API client that calls as alice."""

    return ApiClient


@pytest.fixture
def deliver() -> Deliver:
    """``deliver()`` handles every waiting event, as a worker would, until none waits; returns how many."""

    def until_quiet() -> int:
        handled = 0
        while ids := list(outbox.waiting().order_by("id").values_list("pk", flat=True)):
            done = sum(handle_due(event_id) for event_id in ids)
            if not done:
                errors = list(OutboxEvent.objects.filter(pk__in=ids).values_list("kind", "error"))
                raise AssertionError(f"events that nobody can handle: {errors}")
            handled += done
        return handled

    return until_quiet
