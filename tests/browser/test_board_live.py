"""Does the open board do what a person expects, whatever happens behind it?"""

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from pytest_django import Settings

from accounts.models import User
from events.vocabulary import Status
from mes import claims
from mes.models import WorkOrder
from tests.browser.conftest import Window, log_in
from tests.caching.relays import running
from tests.caching.servers import Valkey, caches_at
from tests.factories import WorkOrderFactory

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def ready() -> WorkOrder:
    return WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)


def new_order() -> WorkOrder:
    return WorkOrderFactory(status=Status.MANUFACTURING_APPROVED)


def row(page: Page, order: WorkOrder) -> object:
    return page.locator(f"#order-{order.number}")


def claim_button(page: Page, order: WorkOrder) -> object:
    return page.get_by_role("button", name=f"Claim {order.number}")


def test_new_orders_wait_while_a_pointer_is_at_the_list(
    window: Window, relay: None, olga: User, ready: WorkOrder
) -> None:
    page = window(olga)
    claim_button(page, ready).hover()
    before = row(page, ready).bounding_box()
    page.mouse.move(before["x"] + 50, before["y"] + 20)
    newer = [new_order(), new_order()]
    pill = page.get_by_role("button", name="2 new orders")
    expect(pill).to_be_visible()
    expect(row(page, newer[0])).to_have_count(0)
    assert row(page, ready).bounding_box() == before
    pill.click()
    for order in (*newer, ready):
        expect(claim_button(page, order)).to_be_visible()
    numbers = page.locator(".board-row").evaluate_all("rows => rows.map((one) => one.dataset.number)")
    assert numbers == [newer[1].number, newer[0].number, ready.number]
    expect(page.get_by_role("link", name="Ready to claim 3")).to_be_visible()


def test_an_order_that_somebody_else_took_goes_by_itself(
    window: Window, relay: None, olga: User, otto: User, ready: WorkOrder
) -> None:
    page = window(olga)
    expect(claim_button(page, ready)).to_be_visible()
    claims.work_order_claim(number=ready.number, operator=otto)
    expect(row(page, ready)).to_contain_text("No longer waiting")
    expect(row(page, ready)).to_have_count(0)
    expect(page.get_by_text("No orders here.")).to_be_visible()


def test_an_order_that_a_newer_one_pushed_to_the_next_page_is_not_said_to_be_taken(
    window: Window, relay: None, olga: User
) -> None:
    last, *_others = [new_order() for _ in range(50)]
    page = window(olga)
    expect(claim_button(page, last)).to_have_count(1)
    page.evaluate("""() => {
        const rows = document.getElementById("board-rows");
        window.isSaid = false;
        new MutationObserver(() => { window.isSaid ||= rows.innerText.includes("No longer waiting"); })
            .observe(rows, { childList: true, subtree: true });
    }""")
    newest = new_order()
    expect(row(page, newest)).to_have_count(1)
    expect(row(page, last)).to_have_count(0)
    assert page.evaluate("window.isSaid") is False


def test_an_answer_older_than_a_row_does_not_undo_it(
    window: Window, relay: None, olga: User, ready: WorkOrder
) -> None:
    page = window(olga)
    older = page.evaluate("async () => (await fetch(document.getElementById('board').dataset.live)).text()")
    live = "**/board/live/**"
    page.route(live, lambda route: route.fulfill(status=304))
    claim_button(page, ready).click()
    expect(row(page, ready)).to_contain_text("Yours")
    page.unroute(live)
    page.route(live, lambda route: route.fulfill(body=older, content_type="text/html"))
    with page.expect_response(live):
        pass
    with page.expect_request(live):  # the answer before it has been read by now
        pass
    expect(claim_button(page, ready)).to_have_count(0)


@pytest.mark.parametrize("by", ["poll", "claim"])
def test_a_session_that_ran_out_leads_to_the_login_and_back(
    window: Window, olga: User, ready: WorkOrder, by: str
) -> None:
    page = window(olga)
    if by == "claim":
        page.route("**/board/live/**", lambda route: route.fulfill(status=304))
    page.context.clear_cookies(name="sessionid")
    if by == "claim":
        claim_button(page, ready).click()
    expect(page.get_by_label("Username")).to_be_visible()
    log_in(page, olga)
    expect(page).to_have_url("/admin/board/")
    expect(claim_button(page, ready)).to_be_visible()


@pytest.mark.parametrize("by", ["poll", "claim"])
def test_a_right_that_was_taken_away_ends_the_board(
    window: Window, olga: User, ready: WorkOrder, by: str
) -> None:
    page = window(olga, forgive="403")
    if by == "claim":
        page.route("**/board/live/**", lambda route: route.fulfill(status=304))
    olga.groups.clear()
    if by == "claim":
        claim_button(page, ready).click()
    expect(page.get_by_role("heading", name="This page is not for you")).to_be_visible()
    ready.refresh_from_db()
    assert ready.operator is None


@pytest.mark.parametrize("pause", [0, 250])
def test_a_double_click_is_one_claim_and_one_step(
    window: Window, olga: User, ready: WorkOrder, pause: int
) -> None:
    """Also when the answer comes between the two halves of it, and something else lies under the finger."""
    page = window(olga)

    def press_twice(button: Locator) -> None:
        box = button.bounding_box()
        where = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.dblclick(*where) if not pause else page.mouse.click(*where)
        if pause:
            page.wait_for_timeout(pause)
            page.mouse.click(*where)

    press_twice(claim_button(page, ready))
    expect(row(page, ready)).to_contain_text("Yours")
    expect(page).to_have_url("/admin/board/")
    page.goto("/admin/my-orders/")
    button = page.get_by_role("button", name="Complete")
    button.click(trial=True)
    press_twice(button)
    expect(page.get_by_role("button", name="Pack")).to_be_visible()
    page.get_by_role("button", name="Pack").click(trial=True)
    steps = list(ready.history.order_by("at").values_list("to_status", flat=True))
    assert steps == [Status.MANUFACTURING_STARTED, Status.MANUFACTURING_COMPLETED]


@pytest.mark.parametrize("answer", ["none", "503"])
def test_a_step_without_an_answer_says_so_and_is_taken_once(
    window: Window, olga: User, ready: WorkOrder, answer: str
) -> None:
    claims.work_order_claim(number=ready.number, operator=olga)
    page = window(olga, forgive="503")
    page.goto("/admin/my-orders/")

    def lose(route: Route) -> None:
        route.fetch()
        route.abort() if answer == "none" else route.fulfill(status=503)

    page.route("**/advance/", lose)
    page.get_by_role("button", name="Complete").click()
    expect(page.get_by_text("No answer.")).to_be_visible()
    page.unroute("**/advance/")
    page.get_by_role("button", name="Complete").click()
    expect(page.get_by_role("button", name="Pack")).to_be_visible()
    expect(page.get_by_text("No answer.")).to_be_hidden()
    assert ready.history.filter(to_status=Status.MANUFACTURING_COMPLETED).count() == 1


@pytest.mark.parametrize(("arrives", "then"), [(True, "Yours"), (False, "Claim")])
def test_a_claim_whose_answer_was_lost_says_so_and_then_how_it_went(
    window: Window, olga: User, ready: WorkOrder, arrives: bool, then: str
) -> None:
    """The connection is cut behind the server, or the server is overloaded and says so."""
    page = window(olga, forgive="503")
    cut = True

    def lose(route: Route) -> None:
        if not cut:
            route.continue_()
            return
        if arrives and "/claim/" in route.request.url:
            route.fetch()
        route.abort() if arrives else route.fulfill(status=503)

    page.route("**/admin/board/**", lose)
    claim_button(page, ready).click()
    expect(row(page, ready)).to_contain_text("No answer.")
    expect(page.get_by_text("No connection.")).to_be_visible()
    cut = False
    expect(row(page, ready)).to_contain_text(then)
    expect(page.get_by_text("No connection.")).to_be_hidden()


def test_the_back_button_shows_the_board_as_it_is_now(
    window: Window, relay: None, olga: User, otto: User, ready: WorkOrder
) -> None:
    page = window(olga)
    page.get_by_role("link", name=ready.number).click()
    expect(page).to_have_url(f"/admin/mes/workorder/{ready.number}/change/")
    claims.work_order_claim(number=ready.number, operator=otto)
    page.go_back()
    expect(page).to_have_url("/admin/board/")
    expect(page.get_by_text("No orders here.")).to_be_visible()
    expect(claim_button(page, ready)).to_have_count(0)


def test_redis_stops_and_comes_back_while_the_board_is_open(
    window: Window, transactional_db: None, olga: User, settings: Settings, ready: WorkOrder
) -> None:
    aside = "The fast copy of the board is being brought up to date."
    with Valkey() as valkey, caches_at(valkey.url), running():
        page = window(olga)
        expect(page.get_by_text(aside)).to_be_hidden()
        before = row(page, ready).bounding_box()
        valkey.kill()
        expect(page.get_by_text(aside)).to_be_visible()
        assert row(page, ready).bounding_box() == before
        newer = new_order()
        expect(claim_button(page, newer)).to_be_visible()
        claim_button(page, ready).click()
        expect(row(page, ready)).to_contain_text("Yours")
        valkey.start()
        expect(page.get_by_text(aside)).to_be_hidden(timeout=30_000)
