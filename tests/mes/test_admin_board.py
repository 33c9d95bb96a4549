"""Does the board show what can be claimed, and does a press of a button do what an operator expects?"""

import pytest

from accounts.models import User
from events.vocabulary import Material, Status
from mes import claims
from mes.models import WorkOrder
from tests.desks import desk, queries_of, told
from tests.factories import WorkOrderFactory

pytestmark = pytest.mark.django_db
BOARD, MINE = "/admin/board/", "/admin/my-orders/"
READY = Status.MANUFACTURING_APPROVED
HTMX = {"HX-Request": "true"}


def numbers(user: User, address: str) -> list[str]:
    return [row["number"] for row in desk(user).get(address).context["page"].rows]


@pytest.fixture
def ready() -> WorkOrder:
    return WorkOrderFactory(status=READY)


@pytest.fixture
def held(olga: User, ready: WorkOrder) -> WorkOrder:
    return claims.work_order_claim(number=ready.number, operator=olga)


@pytest.mark.parametrize("address", [BOARD, f"{BOARD}?status=any", MINE])
def test_a_page_takes_the_same_queries_for_few_and_many_orders(olga: User, address: str) -> None:
    def orders(number: int) -> None:
        WorkOrderFactory.create_batch(number, status=READY)
        WorkOrderFactory.create_batch(number, status=Status.PACKAGING, operator=olga)

    browser = desk(olga)
    orders(1)
    few = queries_of(browser, address)
    orders(20)
    assert queries_of(browser, address) == few


def test_the_board_opens_with_what_can_be_claimed_newest_on_top(olga: User) -> None:
    older, newer = WorkOrderFactory(status=READY), WorkOrderFactory(status=READY)
    WorkOrderFactory(status=Status.SUBMITTED)
    assert numbers(olga, BOARD) == [newer.number, older.number]


def test_the_board_is_filtered_by_status_and_material(olga: User) -> None:
    brass = WorkOrderFactory(status=READY, material=Material.BRASS)
    silver = WorkOrderFactory(status=READY)
    new = WorkOrderFactory(status=Status.SUBMITTED, material=Material.BRASS)
    assert numbers(olga, f"{BOARD}?material=brass") == [brass.number]
    assert numbers(olga, f"{BOARD}?status=SUBMITTED&material=brass") == [new.number]
    assert numbers(olga, f"{BOARD}?status=any") == [new.number, silver.number, brass.number]


def test_paging_gives_every_order_once_also_while_others_come_and_go(olga: User, otto: User) -> None:
    orders = WorkOrderFactory.create_batch(120, status=READY)
    browser, seen, address = desk(olga), [], BOARD
    while address:
        page = browser.get(address).context["page"]
        seen += [row["number"] for row in page.rows]
        address = page.next_cursor and f"{BOARD}?cursor={page.next_cursor}"
        WorkOrderFactory(status=READY)
        claims.work_order_claim(number=orders[-1].number, operator=otto)
    assert seen == [order.number for order in reversed(orders)]


@pytest.mark.parametrize("query", ["status=LOST", "status=INITIATED", "material=tin", "cursor=x"])
def test_an_address_that_makes_no_sense_leads_to_the_boards_beginning(olga: User, query: str) -> None:
    assert desk(olga).get(f"{BOARD}?{query}").url == BOARD


def test_a_claim_makes_the_row_yours(olga: User, ready: WorkOrder) -> None:
    answer = desk(olga).post(f"{BOARD}{ready.number}/claim/", headers=HTMX)
    ready.refresh_from_db()
    assert ready.operator == olga
    assert "Yours" in answer.text
    assert answer.text.strip().startswith("<tr")


def test_whoever_comes_second_is_told_who_was_first(olga: User, otto: User, held: WorkOrder) -> None:
    answer = desk(otto).post(f"{BOARD}{held.number}/claim/", headers=HTMX)
    assert "Taken by Olga Berg" in answer.text
    held.refresh_from_db()
    assert held.operator == olga


def test_a_double_click_is_one_claim(olga: User, ready: WorkOrder) -> None:
    browser = desk(olga)
    for _ in range(2):
        assert "Yours" in browser.post(f"{BOARD}{ready.number}/claim/", headers=HTMX).text
    assert ready.history.count() == 1


def test_without_javascript_a_claim_returns_to_the_same_page_of_the_board(
    olga: User, otto: User, ready: WorkOrder
) -> None:
    address, form = f"{BOARD}{ready.number}/claim/", {"back": "material=silver_925"}
    won, lost = desk(olga).post(address, form), desk(otto).post(address, form)
    assert won.url == lost.url == f"{BOARD}?material=silver_925"
    assert told(won) == [f"{ready.number} is yours."]
    assert told(lost) == [f"{ready.number} was taken by Olga Berg."]


def test_an_order_that_was_cancelled_meanwhile_says_so(olga: User) -> None:
    gone = WorkOrderFactory(status=Status.CANCELLED)
    answer = desk(olga).post(f"{BOARD}{gone.number}/claim/", headers=HTMX)
    assert f"{gone.number} has moved on meanwhile. Its status is “Cancelled”." in answer.text


def test_an_order_that_does_not_exist_is_a_404(olga: User) -> None:
    assert desk(olga).post(f"{BOARD}A-00000000/claim/").status_code == 404


def test_my_orders_are_what_i_hold_and_nobody_elses(olga: User, otto: User, held: WorkOrder) -> None:
    WorkOrderFactory(status=Status.SHIPPED, operator=olga)
    assert numbers(olga, MINE) == [held.number]
    assert numbers(otto, MINE) == []


def test_an_order_is_worked_through_to_shipped(olga: User, held: WorkOrder) -> None:
    browser = desk(olga)
    for to, button in (("MANUFACTURING_COMPLETED", "Complete"), ("PACKAGING", "Pack"), ("SHIPPED", "Ship")):
        assert f">{button}</button>" in browser.get(MINE).text
        assert browser.post(f"{MINE}{held.number}/advance/", {"to": to}).url == MINE
        held.refresh_from_db()
        assert held.status == to
    assert numbers(olga, MINE) == []


def test_a_double_click_is_one_step(olga: User, held: WorkOrder) -> None:
    browser = desk(olga)
    for _ in range(2):
        answer = browser.post(
            f"{MINE}{held.number}/advance/", {"to": "MANUFACTURING_COMPLETED"}, headers=HTMX
        )
        assert ">Pack</button>" in answer.text
        assert "moved on" not in answer.text
    held.refresh_from_db()
    assert held.status == Status.MANUFACTURING_COMPLETED


def test_a_step_that_is_not_next_is_refused_with_the_reason(olga: User, held: WorkOrder) -> None:
    answer = desk(olga).post(f"{MINE}{held.number}/advance/", {"to": "SHIPPED"})
    (message,) = told(answer)
    assert "Its status is “Manufacturing started”." in message


def test_nobody_moves_an_order_somebody_else_holds(otto: User, held: WorkOrder) -> None:
    answer = desk(otto).post(f"{MINE}{held.number}/advance/", {"to": "MANUFACTURING_COMPLETED"})
    assert told(answer) == [f"{held.number} is held by Olga Berg."]


def test_a_step_that_the_next_holder_has_taken_was_not_ours(olga: User, otto: User, held: WorkOrder) -> None:
    """olga has released the order in another tab; otto has claimed and completed it."""
    held.operator, held.operator_name, held.status = otto, "otto", Status.MANUFACTURING_COMPLETED
    held.save()
    answer = desk(olga).post(f"{MINE}{held.number}/advance/", {"to": "MANUFACTURING_COMPLETED"})
    assert told(answer) == [f"{held.number} is held by otto."]


def test_a_release_with_a_reason_puts_the_order_back(olga: User, held: WorkOrder) -> None:
    browser, address = desk(olga), f"{MINE}{held.number}/release/"
    browser.post(address, {"reason": " "})
    held.refresh_from_db()
    assert held.status == Status.MANUFACTURING_STARTED
    answer = browser.post(address, {"reason": "The torch is broken."}, headers=HTMX)
    held.refresh_from_db()
    assert (held.status, held.operator) == (READY, None)
    assert held.history.first().reason == "The torch is broken."
    assert "Ready to claim" in answer.text


def test_what_is_already_made_can_not_be_released(olga: User) -> None:
    WorkOrderFactory(status=Status.MANUFACTURING_COMPLETED, operator=olga)
    assert "Release" not in desk(olga).get(MINE).text


@pytest.mark.parametrize("address", [BOARD, MINE])
@pytest.mark.parametrize("name", ["sam", "erik"])
def test_only_operators_enter(name: str, address: str, request: pytest.FixtureRequest) -> None:
    browser = desk(request.getfixturevalue(name))
    refused = browser.get(address)
    assert refused.status_code == 403
    assert "This page is not for you" in refused.text
    assert address not in browser.get("/admin/", follow=True).text


def test_only_operators_claim(sam: User, ready: WorkOrder) -> None:
    assert desk(sam).post(f"{BOARD}{ready.number}/claim/").status_code == 403
    ready.refresh_from_db()
    assert ready.operator is None


def test_a_form_from_elsewhere_is_refused(olga: User, ready: WorkOrder) -> None:
    browser = desk(olga)
    browser.handler.enforce_csrf_checks = True
    assert browser.post(f"{BOARD}{ready.number}/claim/").status_code == 403
    ready.refresh_from_db()
    assert ready.operator is None


def test_a_button_pressed_after_the_session_ran_out_reloads_the_page(olga: User, ready: WorkOrder) -> None:
    browser = desk(olga)
    browser.logout()
    answer = browser.post(f"{BOARD}{ready.number}/claim/", headers=HTMX)
    assert answer["HX-Refresh"] == "true"
    answer = browser.post(f"{BOARD}{ready.number}/claim/")
    assert answer.url.startswith("/admin/login/")
    assert desk(olga).get(f"{BOARD}{ready.number}/claim/").url == BOARD


def test_what_i_hold_says_when_it_is_overdue(olga: User) -> None:
    WorkOrderFactory(status=Status.PACKAGING, operator=olga, due_date="2020-01-31")
    assert "31 Jan <span" in (page := desk(olga).get(MINE).text)
    assert "overdue" in page
