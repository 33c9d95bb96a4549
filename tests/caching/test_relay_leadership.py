"""Does one relay lead at a time, and does a former leader that wakes or hangs do no harm?"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from urllib.parse import urlsplit

import pgtrigger
import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connection, connections
from pytest_django import Settings
from redis.exceptions import RedisError

from caching import upkeep
from caching.changes import backlog
from caching.leadership import Leadership, NotLeading
from caching.redis import Script
from caching.triggers import verify_triggers
from caching.upkeep import Upkeep
from events.vocabulary import Status
from mes.models import WorkOrder
from tests.caching.agreement import assert_board_agrees, assert_board_agrees_soon
from tests.caching.boards import fill
from tests.caching.proxy import Proxy
from tests.caching.relays import SteppedRelay, all_fences_stand, epochs, running
from tests.caching.sabotage import attribute, needs
from tests.caching.servers import RelayProcess, Valkey, caches_at, run_django
from tests.factories import WorkOrderFactory
from tests.threads import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def second_relay(stepped_relay: SteppedRelay) -> Iterator[SteppedRelay]:
    """Another relay, which does not lead yet."""
    second = SteppedRelay()
    yield second
    second.end()


def sql(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text)


def end_session(session: int) -> None:
    sql(f"SELECT pg_terminate_backend({session}, 5000)")


def test_a_second_relay_stands_by_until_the_first_lets_go(
    stepped_relay: SteppedRelay, second_relay: SteppedRelay
) -> None:
    with pytest.raises(NotLeading):
        second_relay.begin()
    stepped_relay.let_go()
    second_relay.begin()
    assert_board_agrees()


def test_a_leader_whose_session_has_ended_leads_no_more(
    stepped_relay: SteppedRelay, second_relay: SteppedRelay
) -> None:
    end_session(stepped_relay.session())
    with pytest.raises(OperationalError):
        stepped_relay.run_pass()
    second_relay.begin()
    stepped_relay.do(connections.close_all)  # as Django does after some errors; it would connect anew
    with pytest.raises(NotLeading):
        stepped_relay.run_pass()


def test_a_leader_that_comes_back_too_late_does_no_harm(
    stepped_relay: SteppedRelay, second_relay: SteppedRelay
) -> None:
    """It has read changes, hangs, loses its session meanwhile, and goes on to Redis with what it has."""
    WorkOrderFactory.create_batch(3)
    with stepped_relay.paused_pass(after='FROM "mes_workorder"') as session:
        end_session(session)
        second_relay.begin()
        WorkOrder.objects.update(title="Newer")
        second_relay.settle()
        known = epochs()
    with pytest.raises(OperationalError):
        stepped_relay.run_pass()  # it has met a foreign partition, and asks before it resets it
    second_relay.settle()
    assert epochs() == known
    assert_board_agrees()


@needs(word_with_postgresql=attribute(Leadership, "prove", lambda *_args, **_kwargs: None))
@pytest.mark.parametrize("work", ["pass", "rebuild"])
def test_work_that_takes_longer_than_b_costs_no_lead(
    work: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a slow machine would begin anew for ever, and a large board too."""
    settings.CACHE_FENCE_SECONDS = 1
    fill([Status.MANUFACTURING_APPROVED] * 500)
    with Valkey() as valkey, caches_at(valkey.url), running():
        known = epochs()
        monkeypatch.setattr(upkeep, "BATCH", 1)  # five hundred scripts, each of which takes its time
        quick, pause = Upkeep._chain, threading.Event()
        monkeypatch.setattr(Upkeep, "_chain", lambda *args: pause.wait(0.003) or quick(*args))
        if work == "rebuild":
            valkey.client.flushall()
        WorkOrder.objects.update(title="Newer")

        def begun_anew() -> bool:
            since = set(epochs().values()) - set(known.values())
            return any("relay started" in epoch for epoch in since)

        until(lambda: backlog() == 0 or begun_anew())
        assert not begun_anew()


@pytest.mark.parametrize("script", [upkeep.APPLY_BOARD, upkeep.RESET_BOARD], ids=["a pass", "a reset"])
def test_a_former_leaders_script_that_arrives_late_does_no_harm(
    script: Script, stepped_relay: SteppedRelay, second_relay: SteppedRelay
) -> None:
    """What was on its way when its sender was ended comes when another leads."""
    WorkOrderFactory.create_batch(3)
    with Valkey() as valkey, Proxy(valkey.port) as proxy, caches_at(proxy.url):
        stepped_relay.settle()
        if script is upkeep.RESET_BOARD:
            valkey.client.flushall()
        proxy.hold_back(script.sha)
        WorkOrder.objects.update(title="On its way")
        with pytest.raises(RedisError):
            stepped_relay.settle()
        end_session(stepped_relay.session())
        second_relay.begin()
        WorkOrder.objects.update(title="Newer")
        second_relay.settle()
        proxy.let_go()
        if script is upkeep.RESET_BOARD:
            assert not all_fences_stand(), "it costs a rebuild"
            second_relay.settle()
        assert_board_agrees()


def test_a_frozen_leader_is_replaced_and_stands_by_when_it_wakes(
    settings: Settings, transactional_db: None
) -> None:
    settings.CACHE_FENCE_SECONDS = 0.5
    WorkOrderFactory.create_batch(3)
    with RelayProcess() as first:
        until(all_fences_stand)
        with RelayProcess() as second:
            until(lambda: second.has_said("relay_stands_by"))
            first.process.send_signal(signal.SIGSTOP)
            until(lambda: second.has_said("relay_leads") and all_fences_stand())
            known = epochs()
            WorkOrder.objects.update(title="Newer")
            first.process.send_signal(signal.SIGCONT)
            until(lambda: first.has_said("relay_stands_by"))
            until(lambda: backlog() == 0)
            assert epochs() == known
            assert_board_agrees_soon()
            assert second.end() == 0
        until(lambda: epochs() != known and all_fences_stand())
        assert_board_agrees_soon()


@contextmanager
def log_trigger_missing() -> Iterator[None]:
    trigger = next(t for model, t in pgtrigger.registered() if model is WorkOrder and t.name == "log_update")
    trigger.uninstall(WorkOrder)
    try:
        yield
    finally:
        trigger.install(WorkOrder)


@contextmanager
def log_trigger_disabled() -> Iterator[None]:
    sql("ALTER TABLE mes_workorder DISABLE TRIGGER USER")
    try:
        yield
    finally:
        sql("ALTER TABLE mes_workorder ENABLE TRIGGER USER")


@contextmanager
def triggers_off_for_this_role() -> Iterator[None]:
    sql("SET session_replication_role = replica")
    try:
        yield
    finally:
        sql("RESET session_replication_role")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (log_trigger_missing, "'log_update' of mes_workorder is UNINSTALLED"),
        (log_trigger_disabled, "of mes_workorder is DISABLED"),
        (triggers_off_for_this_role, "session_replication_role is replica"),
    ],
)
def test_changes_that_would_not_be_logged_are_noticed(
    fault: Callable[[], AbstractContextManager[None]], said: str
) -> None:
    verify_triggers([WorkOrder])
    with fault(), pytest.raises(ImproperlyConfigured, match=said):
        verify_triggers([WorkOrder])


def test_a_relay_without_tables_says_what_to_do() -> None:
    """In a process of its own, on a database where nothing was migrated."""
    url = urlsplit(settings.DATABASE_URL)._replace(path="/postgres").geturl()
    ended = run_django(
        "from django.core.management import execute_from_command_line as run\nrun(['', 'relay'])",
        DATABASE_URL=url,
    )
    assert ended.returncode == 1
    assert "run `manage.py migrate`" in ended.stderr
    assert "Traceback" not in ended.stderr
