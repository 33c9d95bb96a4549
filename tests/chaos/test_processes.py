"""Does anything get lost, or happen twice, when real processes are killed at the worst moment?"""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from accounts.roles import Role
from config.seeding.people import ensure_people
from config.simulation.audit import audit
from config.simulation.ledger import Ledger
from config.simulation.report import report
from config.simulation.stage import play, staff
from events.models import OutboxEvent
from events.vocabulary import PricingRequested, Status
from mes.models import WorkOrder, WorkOrderStatusChange
from shop.models import Order, OrderStatusChange
from tests.factories import UserFactory
from tests.live import Live, Session
from tests.outbox import make_due
from tests.solids import cube_bytes
from tests.threads import in_background

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def place(client: Session) -> str:
    """A new order with its model, ready to be submitted; returns its path."""
    wish = {"title": "Cube charm", "material": "silver_925", "quantity": 2}
    number = client.post("shop/orders/", json=wish).json()["number"]
    assert client.put(f"shop/orders/{number}/model/", files={"file": cube_bytes(10)}).ok
    return f"shop/orders/{number}/"


def wait_for_status(live: Live, client: Session, path: str, status: Status) -> dict[str, Any]:
    live.wait_for(lambda: client.get(path).json()["status"] == status, f"{path} to be {status}")
    answer: dict[str, Any] = client.get(path).json()
    return answer


def test_one_order_over_real_http_while_twenty_operators_claim_it_at_once(live: Live, alice: User) -> None:
    client = live.session(alice)
    operators = [UserFactory(username=f"op{n}", first_name=f"Op{n}", role=Role.OPERATOR) for n in range(20)]
    sessions = {operator.pk: live.session(operator) for operator in operators}
    path = place(client)
    assert client.post(f"{path}submit/").ok
    # 1000 mm3 x 10.36 g/cm3 = 10.36 g; x 1.90 x 2 = 39.37; (18 + 10.36 x 3.20) x 2 = 102.30
    assert wait_for_status(live, client, path, Status.PRICE_CALCULATED)["price"] == "141.67"
    assert client.post(f"{path}approve/").ok
    work = path.replace("shop", "mes")
    live.wait_for(
        lambda: sessions[operators[0].pk].get(work).json()["status"] == Status.MANUFACTURING_APPROVED,
        "the order to be claimable",
    )

    start = threading.Barrier(len(operators))

    def claim(operator_id: int) -> requests.Response:
        start.wait(30)
        return sessions[operator_id].post(f"{work}claim/")

    with ThreadPoolExecutor(len(operators)) as crowd:
        answers = dict(zip(sessions, crowd.map(claim, sessions), strict=True))

    [winner] = [operator_id for operator_id, answer in answers.items() if answer.status_code == 200]
    name = User.objects.get(pk=winner).display_name
    for operator_id, answer in answers.items():
        if operator_id != winner:
            assert answer.status_code == 409
            problem = answer.json()
            assert (
                problem["code"] == "claim_in_progress"
                or (problem["code"], problem["operator"]) == ("already_claimed", {"id": winner, "name": name})
            )  # fmt: skip
    begun = WorkOrderStatusChange.objects.filter(to_status=Status.MANUFACTURING_STARTED)
    assert list(begun.values_list("actor_id", flat=True)) == [winner]

    for step in ("complete", "pack", "ship"):
        assert sessions[winner].post(f"{work}{step}/").ok
    wait_for_status(live, client, path, Status.SHIPPED)
    assert client.post(f"{path}confirm-delivery/").ok
    live.wait_for(lambda: WorkOrder.objects.get().status == Status.CLOSED, "the MES to hear of it")
    assert sum(answer.status_code == 409 for answer in answers.values()) == 19


def test_a_worker_killed_in_the_middle_of_a_handler_leaves_nothing_half_done(live: Live, alice: User) -> None:
    client = live.session(alice)
    path = place(client)
    pricing = OutboxEvent.objects.filter(kind=PricingRequested.kind)
    live.kill("worker")
    assert client.post(f"{path}submit/").ok
    with transaction.atomic(), connection.cursor() as cursor:
        # The handler has written the work order and waits here to write its history.
        cursor.execute("LOCK TABLE mes_workorderstatuschange IN SHARE ROW EXCLUSIVE MODE")
        live.start("worker")
        live.wait_for(_somebody_waits_for_the_history, "the handler to be in the middle")
        live.kill("worker")
    assert not pricing.exists()
    live.start("worker")
    wait_for_status(live, client, path, Status.PRICE_CALCULATED)

    submitted = OutboxEvent.objects.get(kind="shop.order_submitted")
    assert submitted.attempts >= 2  # a second nudge may count one more, and then find the row locked
    assert (submitted.handled_at is None, submitted.error) == (False, "")
    assert pricing.count() == 1
    for lines in (OrderStatusChange.objects.all(), WorkOrderStatusChange.objects.all()):
        statuses = list(lines.order_by("at", "id").values_list("to_status", flat=True))
        assert statuses[-2:] == [Status.SUBMITTED, Status.PRICE_CALCULATED]
        assert len(set(statuses)) == len(statuses)


def _somebody_waits_for_the_history() -> bool:
    with connection.cursor() as cursor:
        # pg_locks, because a transaction sees pg_stat_activity as it was at its first look.
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks "
            "WHERE NOT granted AND relation = 'mes_workorderstatuschange'::regclass)"
        )
        return bool(cursor.fetchone()[0])


def test_the_web_killed_right_after_commit_loses_only_its_answer(live: Live, alice: User) -> None:
    client = live.session(alice)
    path = place(client)
    with live.frozen("valkey"):
        # The nudge after COMMIT finds a broker that doesn't answer, so here the web still has its client.
        answer = in_background(lambda: client.post(f"{path}submit/"))
        live.wait_for(lambda: Order.objects.get().status == Status.SUBMITTED, "the COMMIT")
        live.kill("web")
    with pytest.raises(requests.ConnectionError):
        answer.result(30)
    live.start("web")

    # Its nudge was never sent. The beat sends one when the event is due: in ten seconds, which pass here.
    make_due()
    wait_for_status(live, client, path, Status.PRICE_CALCULATED)
    repeat = client.post(f"{path}submit/")
    assert (repeat.status_code, repeat.json()["code"]) == (409, "illegal_transition")
    assert WorkOrder.objects.count() == 1
    assert WorkOrderStatusChange.objects.filter(to_status=Status.SUBMITTED).count() == 1


def test_a_create_repeated_after_a_killed_web_is_one_order(live: Live, alice: User) -> None:
    client = live.session(alice)
    key, wish = str(uuid.uuid4()), {"title": "Ring", "material": "brass", "quantity": 1}
    first = client.post("shop/orders/", json=wish, headers={"Idempotency-Key": key})
    live.kill("web")
    live.start("web")
    again = client.post("shop/orders/", json=wish, headers={"Idempotency-Key": key})
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert Order.objects.count() == 1


def test_under_load_worker_web_and_broker_are_killed_and_every_promise_is_kept(live: Live) -> None:
    people = ensure_people()
    names = ("client", "anna.keller", "boris.ivanov", "partner", "operator1", "operator2", "operator3")
    ledger, stop, since = Ledger(), threading.Event(), timezone.now()
    keys = [live.session(people[name]).key for name in names]
    actors = staff(live.url, [people[name] for name in names], keys, ledger, stop, interval=1.0, most_open=3)
    load = in_background(lambda: play(actors, stop, seconds=600))

    for name in ("worker", "slow-worker", "web", "valkey"):
        before = len(ledger.submitted)
        live.wait_for(lambda before=before: len(ledger.submitted) >= before + 3, "some orders")
        live.kill(name)
        live.start(name)
    before = len(ledger.claims)
    live.wait_for(lambda: len(ledger.claims) > before, "another claim")
    stop.set()
    load.result(120)
    make_due()
    live.wait_until_quiet()  # it starts workers again that fell over the death of the broker
    verdict = audit(ledger, since, patience=120)

    assert verdict.is_clean, "\n".join(report(ledger, verdict, seconds=1, wanted_rate=1))
    assert verdict.checked == len(ledger.created) >= 9
    assert ledger.errors["ConnectionError"]
    handled = OutboxEvent.objects.filter(created_at__gte=since)
    assert handled.exclude(handled_at=None).count() == handled.count()
