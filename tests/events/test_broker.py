"""Does an order get on while the broker is down or frozen, and does its event arrive afterwards?"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from config import processes, programs
from config.celery import app as celery_app
from events import outbox, tasks
from events.models import OutboxEvent
from events.vocabulary import OrderApproved, PricingRequested, Status
from shop import services
from tests.factories import OrderFactory
from tests.outbox import make_due
from tests.threads import until

pytestmark = pytest.mark.django_db(transaction=True)


class Broker:
    """A Valkey of this test's own that carries the nudges."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "broker.sock"
        self.process = subprocess.Popen(
            [
                programs.find_valkey(),
                "--port",
                "0",
                "--unixsocket",
                self.socket,
                "--save",
                "",
                "--dir",
                folder,
            ],
            stdout=subprocess.DEVNULL,
            preexec_fn=processes.dies_with_parent(signal.SIGKILL),  # noqa: PLW1509 - no threads yet
        )
        until(self.socket.exists)

    @property
    def nudges(self) -> int:
        """How many wait for a worker."""
        return self.waiting_in("celery")

    def waiting_in(self, queue: str) -> int:
        """How many wait in this queue."""
        return int(redis.Redis(unix_socket_path=str(self.socket)).llen(queue))

    def freeze(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The application's broker is this one; afterwards the usual one again."""
    own = Broker(tmp_path_factory.mktemp("b"))
    usual = celery_app.conf.broker_url
    _use(f"redis+socket://{own.socket}")
    yield own
    own.kill()
    _use(usual)


def _use(url: str) -> None:
    celery_app.pool.force_close_all()
    celery_app.conf.broker_url = celery_app.conf.broker_write_url = url
    celery_app.amqp._producer_pool = None
    celery_app.set_current()
    celery_app._pool = None


@pytest.fixture
def submitted(alice: User) -> int:
    """An order whose submission is to be told; its id."""
    return OrderFactory(status=Status.FILE_UPLOADED, client=alice).pk


def waiting() -> OutboxEvent:
    return OutboxEvent.objects.get(handled_at=None, parked_at=None)


def test_an_event_is_nudged_after_its_commit_and_not_before(
    broker: Broker, submitted: int, alice: User
) -> None:
    with transaction.atomic():
        services.order_submit(order_id=submitted, actor=alice)
        assert broker.nudges == 0
    assert broker.nudges == 1


def test_models_to_be_measured_hold_up_no_other_event(broker: Broker) -> None:
    kinds = {PricingRequested.kind: "slow", OrderApproved.kind: "celery"}
    now = timezone.now()
    for kind in kinds:
        OutboxEvent.objects.create(kind=kind, subject="A-0", payload={}, due_at=now, parked_at=now)
    assert outbox.retry(list(OutboxEvent.objects.values_list("pk", flat=True))) == 2
    make_due()
    assert outbox.renudge() == 2
    assert {kind: broker.waiting_in(queue) for kind, queue in kinds.items()} == dict.fromkeys(kinds, 2)


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_a_broker_that_fails_stops_no_order_and_loses_no_event(
    fault: str, broker: Broker, submitted: int, alice: User
) -> None:
    assert outbox.nudge(0, "tests.rang"), "the connection is open and known to be good"
    getattr(broker, fault)()

    order = services.order_submit(order_id=submitted, actor=alice)

    assert order.status == Status.SUBMITTED
    event = waiting()
    assert event.attempts == 0
    make_due()
    assert outbox.renudge() == 0
    assert waiting().due_at < timezone.now(), "it stays due until a nudge is sent"


def test_after_a_failure_the_broker_is_left_alone_for_a_while(broker: Broker) -> None:
    broker.kill()
    before = time.monotonic()
    assert outbox.nudge(1, "tests.rang") is False
    paused_until = outbox._broker["paused_until"]
    assert before < paused_until - outbox.BROKER_PAUSE < time.monotonic()

    outbox._broker["paused_until"] = later = time.monotonic() + 3600
    assert outbox.nudge(1, "tests.rang") is False
    assert outbox._broker["paused_until"] == later, "it was not even asked"

    outbox._broker["paused_until"] = over = time.monotonic()
    assert outbox.nudge(1, "tests.rang") is False
    assert outbox._broker["paused_until"] > over, "it was asked again"


def test_a_broker_that_wakes_up_is_used_again(
    broker: Broker, submitted: int, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.freeze()
    services.order_submit(order_id=submitted, actor=alice)
    broker.thaw()
    monkeypatch.setitem(outbox._broker, "paused_until", 0.0)
    make_due()
    assert outbox.renudge() == 1
    assert broker.nudges == 1


def test_only_what_is_due_is_nudged_again_and_each_once_a_while(broker: Broker) -> None:
    now = timezone.now()
    common = {"kind": "tests.rang", "subject": "A-0", "payload": {}}
    due = [OutboxEvent(**common, due_at=now - timedelta(seconds=s)) for s in (1, 300, 20)]
    late = OutboxEvent(**common, due_at=now + timedelta(minutes=1))
    done = OutboxEvent(**common, due_at=now - timedelta(minutes=1), handled_at=now)
    parked = OutboxEvent(**common, due_at=now - timedelta(minutes=1), parked_at=now)
    OutboxEvent.objects.bulk_create([*due, late, done, parked])

    assert tasks.renudge() == 3
    assert tasks.renudge() == 0, "it has just been nudged"

    assert broker.nudges == 3
    waits = OutboxEvent.objects.filter(pk__in=[event.pk for event in due]).values_list("due_at", flat=True)
    assert min(waits) > now + 2 * outbox.NUDGE_PATIENCE
    assert OutboxEvent.objects.get(pk=late.pk).due_at == late.due_at


def test_a_broker_that_fails_halfway_leaves_the_rest_due(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    due_at = timezone.now() - timedelta(minutes=1)
    for number in range(4):
        OutboxEvent.objects.create(kind="tests.rang", subject=f"A-{number}", payload={}, due_at=due_at)
    send, sent = tasks.handle.apply_async, []

    def send_two(*args: object, **options: object) -> object:
        if len(sent) == 2:
            broker.kill()
        sent.append(args)
        return send(*args, **options)

    monkeypatch.setattr(tasks.handle, "apply_async", send_two)

    assert outbox.renudge() == 2

    assert OutboxEvent.objects.filter(due_at=due_at).count() == 2
    assert len(sent) == 3, "the first refusal ends the round"
