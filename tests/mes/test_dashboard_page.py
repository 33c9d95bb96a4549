"""Does the dashboard say what is true, and does each number agree with the list it leads to?"""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from caching.redis import FAILURES_TO_OPEN, breaker
from events.vocabulary import ActorKind, Status
from mes import claims
from mes.claims import AlreadyClaimed
from mes.figures import LOST, figures
from mes.models import WorkOrder
from tests.desks import desk
from tests.factories import WorkOrderFactory

pytestmark = pytest.mark.django_db
PAGE = "/admin/dashboard/"
READY = Status.MANUFACTURING_APPROVED


def line(order: WorkOrder, before: str, to: str, hours_ago: float, actor: User | None = None) -> None:
    at = timezone.now() - timedelta(hours=hours_ago)
    kind = ActorKind.OPERATOR if actor else ActorKind.SYSTEM
    order.history.create(from_status=before, to_status=to, actor_kind=kind, actor=actor, at=at)


def test_each_count_agrees_with_the_list_it_leads_to(olga: User) -> None:
    WorkOrderFactory.create_batch(3, status=READY)
    WorkOrderFactory.create_batch(2, status=Status.SHIPPED)
    browser = desk(olga)
    for _status, count, address in browser.get(PAGE).context["counts"]:
        assert len(browser.get(address).context["page"].rows) == count


def test_a_seller_is_led_to_the_work_orders(sam: User) -> None:
    WorkOrderFactory.create_batch(2, status=Status.SHIPPED)
    browser = desk(sam)
    counts = {status: (count, address) for status, count, address in browser.get(PAGE).context["counts"]}
    count, address = counts[Status.SHIPPED]
    assert count == len(browser.get(address).context["cl"].result_list) == 2


def test_the_overdue_are_counted_and_listed(olga: User) -> None:
    yesterday = timezone.localdate() - timedelta(days=1)
    late = WorkOrderFactory(status=READY, due_date=yesterday)
    WorkOrderFactory(status=READY, due_date=yesterday + timedelta(days=1))
    WorkOrderFactory(status=Status.SHIPPED, due_date=yesterday)
    browser = desk(olga)
    page = browser.get(PAGE)
    assert page.context["figures"].overdue == 1
    listed = browser.get(page.context["overdue_url"]).context["cl"].result_list
    assert [order.number for order in listed] == [late.number]


def test_orders_through_time_and_the_time_in_each_status() -> None:
    order = WorkOrderFactory(status=READY)
    line(order, "", Status.SUBMITTED, 30)
    line(order, Status.SUBMITTED, Status.PRICE_CALCULATED, 29)
    line(order, Status.PRICE_CALCULATED, READY, 9)
    line(order, Status.PACKAGING, Status.SHIPPED, 2)
    found = figures()
    assert (sum(bar.came for bar in found.hours), sum(bar.came for bar in found.days)) == (0, 1)
    assert (sum(bar.shipped for bar in found.hours), len(found.hours), len(found.days)) == (1, 24, 7)
    spent = {status: round(time.total_seconds() / 3600) for status, _number, time in found.times}
    assert spent == {"SUBMITTED": 1, "PRICE_CALCULATED": 20, "PACKAGING": 7}
    assert found.oldest
    assert found.oldest[0] == order.number


def test_claims_won_and_lost_are_counted_for_each_operator(olga: User, otto: User) -> None:
    order = WorkOrderFactory(status=READY)
    claims.work_order_claim(number=order.number, operator=olga)
    for _ in range(2):
        with pytest.raises(AlreadyClaimed):
            claims.work_order_claim(number=order.number, operator=otto)
    assert {(one.name, one.won, one.lost) for one in figures().claimers} == {
        ("Olga Berg", 1, 0),
        ("otto", 0, 2),
    }


def test_while_nobody_asks_redis_the_claims_lost_are_not_known(olga: User) -> None:
    order = WorkOrderFactory(status=READY)
    claims.work_order_claim(number=order.number, operator=olga)
    try:
        for _ in range(FAILURES_TO_OPEN):
            breaker.failed()
        assert LOST.read(timezone.localdate()) is None
        assert '<td class="board-figure">–</td>' in desk(olga).get(PAGE).text
    finally:
        breaker.succeeded()
    assert LOST.read(timezone.localdate()) == {}


def test_engineers_have_other_pages(erik: User) -> None:
    assert desk(erik).get(PAGE).status_code == 403
