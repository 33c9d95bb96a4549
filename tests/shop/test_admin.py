"""What may a seller, and what an engineer, see and decide about the Shop's orders in the admin?"""

import pytest

from accounts.models import User
from events import model_files
from events.models import OutboxEvent
from events.vocabulary import ActorKind, Status
from shop.models import Order
from tests.desks import desk, queries_of, told
from tests.factories import OrderFactory
from tests.solids import cube, cube_bytes

pytestmark = pytest.mark.django_db
LIST = "/admin/shop/order/"


def page_of(order: Order) -> str:
    return f"{LIST}{order.number}/change/"


def press(user: User, order: Order, name: str, **form: str) -> list[str]:
    answer = desk(user).post(f"{LIST}{order.number}/decide/{name}/", form)
    assert answer.status_code == 302
    order.refresh_from_db()
    return told(answer)


def test_the_list_takes_the_same_queries_for_few_and_many_orders(sam: User) -> None:
    browser = desk(sam)
    OrderFactory.create_batch(2)
    few = queries_of(browser, LIST)
    OrderFactory.create_batch(20)
    assert queries_of(browser, LIST) == few


def test_the_order_page_takes_the_same_queries_for_a_short_and_a_long_timeline(
    sam: User, alice: User
) -> None:
    order = OrderFactory(client=alice)
    browser = desk(sam)

    def lines(number: int) -> None:
        for _ in range(number):
            order.history.create(
                to_status=order.status, actor=alice, actor_kind=ActorKind.CLIENT, at=order.created_at
            )

    lines(2)
    few = queries_of(browser, page_of(order))
    lines(10)
    assert queries_of(browser, page_of(order)) == few


def test_the_lists_pages_give_every_order_once(sam: User) -> None:
    OrderFactory.create_batch(120)
    browser, seen, address = desk(sam), [], LIST
    while address:
        changes = browser.get(address).context["cl"]
        seen += [order.number for order in changes.result_list]
        address = changes.older and LIST + changes.older
    assert seen == list(Order.objects.order_by("-id").values_list("number", flat=True))


def test_a_bad_cursor_leads_back_to_the_first_page(sam: User) -> None:
    OrderFactory()
    assert desk(sam).get(f"{LIST}?p=nonsense").status_code == 302


@pytest.mark.parametrize("words", ["number", "beginning", "client"])
def test_an_order_is_found_by_its_number_and_its_client(sam: User, alice: User, words: str) -> None:
    order, _other = OrderFactory(client=alice), OrderFactory()
    words = {"number": order.number.lower(), "beginning": order.number[:8], "client": "ali"}[words]
    found = desk(sam).get(LIST, {"q": words}).context["cl"].result_list
    assert [one.pk for one in found] == [order.pk]


def test_the_list_is_filtered_by_status(sam: User) -> None:
    OrderFactory()
    priced = OrderFactory(status=Status.PRICE_CALCULATED)
    page = desk(sam).get(LIST, {"status__exact": Status.PRICE_CALCULATED})
    assert [one.pk for one in page.context["cl"].result_list] == [priced.pk]
    assert "approves them together" in page.text


def test_a_seller_approves(sam: User) -> None:
    order = OrderFactory(status=Status.PRICE_CALCULATED)
    assert press(sam, order, "approve") == ["1 order was changed."]
    line = order.history.get()
    assert (order.status, line.actor, line.actor_kind) == ("MANUFACTURING_APPROVED", sam, "seller")
    assert OutboxEvent.objects.get().kind == "shop.order_approved"


def test_a_seller_closes_a_delivered_order(sam: User) -> None:
    order = OrderFactory(status=Status.SHIPPED)
    press(sam, order, "close")
    assert order.status == Status.CLOSED


def test_a_seller_cancels_with_a_reason(sam: User) -> None:
    order = OrderFactory(status=Status.PRICE_CALCULATED)
    press(sam, order, "cancel", reason="The client rang.")
    assert (order.status, order.history.get().reason) == ("CANCELLED", "The client rang.")


def test_after_approval_a_seller_asks_the_plant_to_cancel(sam: User) -> None:
    order = OrderFactory(status=Status.MANUFACTURING_APPROVED)
    (message,) = press(sam, order, "cancel")
    assert "the plant was asked to cancel it" in message
    assert (order.status, order.cancel_requested) == ("MANUFACTURING_APPROVED", True)


@pytest.mark.parametrize(
    ("status", "open_names"),
    [
        (Status.INITIATED, {"cancel"}),
        (Status.PRICE_CALCULATED, {"approve", "cancel"}),
        (Status.MANUFACTURING_APPROVED, {"cancel"}),
        (Status.MANUFACTURING_STARTED, set()),
        (Status.SHIPPED, {"close"}),
        (Status.CLOSED, set()),
        (Status.CANCELLED, set()),
    ],
)
def test_a_page_offers_only_what_the_lifecycle_allows(
    sam: User, status: Status, open_names: set[str]
) -> None:
    page = desk(sam).get(page_of(OrderFactory(status=status)))
    assert {decision.name for decision in page.context["decisions"]} == open_names


def test_a_decision_that_came_too_late_changes_nothing_and_says_why(sam: User) -> None:
    order = OrderFactory(status=Status.CLOSED)
    assert press(sam, order, "approve") == ["1 order was skipped: its status is “Closed”."]
    assert order.status == Status.CLOSED


def test_a_bulk_approval_reports_how_many_were_done_and_skipped_and_why(sam: User) -> None:
    priced = OrderFactory.create_batch(2, status=Status.PRICE_CALCULATED)
    others = [OrderFactory(status=status) for status in (Status.CLOSED, Status.CLOSED, Status.SUBMITTED)]
    chosen = [order.pk for order in (*priced, *others)]
    answer = desk(sam).post(LIST, {"action": "approve_selected", "_selected_action": chosen})
    assert told(answer) == [
        "2 orders were changed.",
        "2 orders were skipped: their status is “Closed”.",
        "1 order was skipped: its status is “Submitted”.",
    ]
    assert Order.objects.filter(status=Status.MANUFACTURING_APPROVED).count() == 2


def test_bulk_closing_and_cancelling_go_the_same_way(sam: User) -> None:
    shipped, new = OrderFactory(status=Status.SHIPPED), OrderFactory()
    desk(sam).post(LIST, {"action": "close_selected", "_selected_action": [shipped.pk]})
    desk(sam).post(LIST, {"action": "cancel_selected", "_selected_action": [new.pk]})
    shipped.refresh_from_db()
    new.refresh_from_db()
    assert (shipped.status, new.status) == ("CLOSED", "CANCELLED")


def test_an_engineer_reads_but_decides_nothing(erik: User) -> None:
    order = OrderFactory(status=Status.PRICE_CALCULATED)
    browser = desk(erik)
    page = browser.get(page_of(order))
    assert page.status_code == 200
    assert "decisions" not in page.context
    assert browser.get(LIST).context["action_form"] is None
    assert browser.post(f"{LIST}{order.number}/decide/approve/").status_code == 403
    order.refresh_from_db()
    assert order.status == Status.PRICE_CALCULATED


def test_an_operator_has_no_business_with_the_shops_orders(olga: User) -> None:
    browser, order = desk(olga), OrderFactory(status=Status.SHIPPED)
    assert browser.get(LIST).status_code == 403
    assert browser.get(page_of(order)).status_code == 403
    assert browser.get(f"{LIST}{order.number}/model/").status_code == 404


@pytest.mark.parametrize("action", ["add", "delete", "change"])
def test_nobody_adds_edits_or_deletes_an_order_by_hand(sam: User, action: str) -> None:
    order, browser = OrderFactory(), desk(sam)
    address = f"{LIST}add/" if action == "add" else f"{LIST}{order.pk}/{action}/"
    assert browser.post(address, {"title": "Other"}).status_code == 403
    order.refresh_from_db()
    assert order.title != "Other"


def test_a_button_pressed_before_the_login_leads_to_the_order(sam: User) -> None:
    order = OrderFactory(status=Status.PRICE_CALCULATED)
    answer = desk(sam).get(f"{LIST}{order.number}/decide/approve/")
    assert answer.url == page_of(order)
    order.refresh_from_db()
    assert order.status == Status.PRICE_CALCULATED


def test_the_model_is_downloaded_from_the_orders_page(sam: User) -> None:
    stored = model_files.store(cube())
    order, browser = OrderFactory(model=stored.to_json(), status=Status.SUBMITTED), desk(sam)
    address = f"{LIST}{order.number}/model/"
    assert address in browser.get(page_of(order)).text
    answer = browser.get(address)
    assert b"".join(answer.streaming_content) == cube_bytes()
    assert answer["Content-Disposition"].startswith("attachment")


def test_a_model_that_is_not_there_is_a_404(sam: User) -> None:
    missing, none = OrderFactory(status=Status.SUBMITTED), OrderFactory()
    browser = desk(sam)
    assert browser.get(f"{LIST}{missing.number}/model/").status_code == 404
    assert browser.get(f"{LIST}{none.number}/model/").status_code == 404


def test_a_reason_that_is_too_long_decides_nothing(sam: User) -> None:
    order = OrderFactory(status=Status.FILE_UPLOADED)
    (message,) = press(sam, order, "cancel", reason="x" * 501)
    assert "500" in message
    assert order.status == Status.FILE_UPLOADED
