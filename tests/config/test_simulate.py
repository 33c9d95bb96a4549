"""Does the simulation notice a broken promise, and say so?"""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django import Settings

from accounts.models import ApiToken, User
from config.simulation.audit import Verdict, audit
from config.simulation.ledger import Ledger
from config.simulation.report import percentile, report
from events.models import OutboxEvent
from events.vocabulary import ActorKind, Status
from mes.models import WorkOrder, WorkOrderStatusChange
from shop.models import Order
from tests.factories import OrderFactory, WorkOrderFactory
from tests.live import Live

pytestmark = pytest.mark.django_db
SINCE = timezone.now() - timedelta(hours=1)
STARTED, APPROVED = Status.MANUFACTURING_STARTED, Status.MANUFACTURING_APPROVED


@pytest.fixture
def ledger() -> Ledger:
    """Notes of an order that was created and submitted."""
    ledger = Ledger()
    ledger.created.add("A-00000001")
    ledger.submitted.add("A-00000001")
    return ledger


@pytest.fixture
def order(db: None) -> WorkOrder:
    """That order, waiting on the board."""
    OrderFactory(number="A-00000001", status=APPROVED)
    order: WorkOrder = WorkOrderFactory(number="A-00000001", status=APPROVED)
    return order


def write_line(order: WorkOrder, before: str, after: str, operator: User) -> None:
    WorkOrderStatusChange.objects.create(
        work_order=order,
        from_status=before,
        to_status=after,
        actor=operator,
        actor_kind=ActorKind.OPERATOR,
        at=timezone.now(),
    )


def test_a_kept_promise_is_a_clean_verdict(ledger: Ledger, order: WorkOrder, olga: User) -> None:
    write_line(order, APPROVED, STARTED, olga)
    ledger.claims.append((order.number, olga.pk))
    assert audit(ledger, SINCE).is_clean


def test_an_order_that_is_not_there_is_lost(ledger: Ledger) -> None:
    verdict = audit(ledger, SINCE)
    assert verdict.lost == ["A-00000001: not in the Shop", "A-00000001: not in the MES"]
    assert not verdict.is_clean


def test_two_claims_without_a_release_between_are_a_double_claim(
    ledger: Ledger, order: WorkOrder, olga: User, otto: User
) -> None:
    write_line(order, APPROVED, STARTED, olga)
    write_line(order, APPROVED, STARTED, otto)
    assert audit(ledger, SINCE).double_claims == [f"A-00000001: by {olga.pk} and {otto.pk}"]


def test_a_claim_after_a_release_is_none(ledger: Ledger, order: WorkOrder, olga: User, otto: User) -> None:
    write_line(order, APPROVED, STARTED, olga)
    write_line(order, STARTED, APPROVED, olga)
    write_line(order, APPROVED, STARTED, otto)
    assert audit(ledger, SINCE).is_clean


def test_a_claim_answered_but_not_recorded_is_found(ledger: Ledger, order: WorkOrder, olga: User) -> None:
    ledger.claims.append((order.number, olga.pk))
    assert audit(ledger, SINCE).untrue_claims == [f"A-00000001: told to {olga.pk}"]


def test_shop_and_mes_that_disagree_are_found(ledger: Ledger, order: WorkOrder) -> None:
    Order.objects.update(status=Status.PRICE_CALCULATED)
    assert audit(ledger, SINCE).disagreements == [
        "A-00000001: PRICE_CALCULATED in the Shop, MANUFACTURING_APPROVED in the MES"
    ]


def test_an_event_applied_twice_and_one_that_is_parked_are_found(
    ledger: Ledger, order: WorkOrder, olga: User
) -> None:
    write_line(order, STARTED, Status.MANUFACTURING_COMPLETED, olga)
    line = WorkOrderStatusChange.objects.get()
    line.pk = None
    line.save()
    OutboxEvent.objects.create(
        kind="-", subject=order.number, payload={}, due_at=timezone.now(), parked_at=timezone.now()
    )
    verdict = audit(ledger, SINCE)
    assert len(verdict.handled_twice) == len(verdict.parked) == 1


def test_a_refusal_nobody_could_expect_is_a_broken_promise(ledger: Ledger, order: WorkOrder) -> None:
    ledger.refuse("look: 404 not_found")
    verdict = audit(ledger, SINCE)
    assert verdict.refusals == ["look: 404 not_found"]
    assert not verdict.is_clean


def test_the_report_names_what_was_found(ledger: Ledger) -> None:
    ledger.took("create", 0.0123)
    ledger.fail("ConnectionError")
    text = "\n".join(report(ledger, Verdict(lost=["A-00000001: not in the Shop"], checked=1), 10, 20))
    assert "1 orders placed in 10 s (0.1/s of 20/s wanted)" in text
    assert "1 x ConnectionError" in text
    assert "     1 lost orders\n         A-00000001: not in the Shop" in text


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_percentiles_are_values_that_occurred(share: float, value: int) -> None:
    assert percentile([float(n) for n in range(1, 101)], share) == value


def test_it_refuses_a_site_that_may_be_real_and_one_that_does_not_run(settings: Settings) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError, match="--yes"):
        call_command("simulate")
    with pytest.raises(CommandError, match="No site answers"):
        call_command("simulate", yes=True, url="http://127.0.0.1:9")
    assert not User.objects.exists()


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_running_site_keeps_its_promises(live: Live) -> None:
    output = io.StringIO()
    call_command("simulate", clients=2, operators=2, seconds=6, rate=2, url=live.url, yes=True, stdout=output)
    table = output.getvalue()
    assert "     0 lost orders" in table
    assert "     0 double claims" in table
    assert "\ncreate " in table
    assert Order.objects.count() == int(table.split()[0]) > 2
    assert not ApiToken.objects.filter(name="simulation", revoked_at=None).exists()
