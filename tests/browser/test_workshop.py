"""Does an order get from the board into a parcel, and to its end, by people at browsers?"""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from accounts.models import User
from events.vocabulary import Status
from mes.models import WorkOrder
from shop import services
from shop.models import Order
from tests.browser.conftest import PHONE, Window
from tests.solids import cube

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def priced(alice: User, deliver: Callable[[], int]) -> Order:
    """alice's order, priced."""
    order = services.order_create(client=alice, title="Cube charm", material="silver_925", quantity=2)
    services.order_upload_model(order_id=order.pk, actor=alice, upload=cube())
    services.order_submit(order_id=order.pk, actor=alice)
    deliver()
    return Order.objects.get(pk=order.pk)


@pytest.mark.parametrize("screen", [{}, {"viewport": PHONE}], ids=["desk", "phone"])
def test_an_order_is_approved_claimed_by_one_of_two_shipped_and_closed(
    window: Window,
    sam: User,
    olga: User,
    otto: User,
    priced: Order,
    deliver: Callable[[], int],
    screen: dict[str, object],
) -> None:
    seller = window(sam, **screen)
    seller.goto(f"/admin/shop/order/?q={priced.number}")
    seller.get_by_role("link", name=priced.number).click()
    seller.get_by_role("button", name="Approve").click()
    expect(seller.get_by_text("1 order was changed.")).to_be_visible()
    deliver()

    winner, loser = window(olga, **screen), window(otto, **screen)
    expect(winner).to_have_url("/admin/board/")
    winner.get_by_role("button", name=f"Claim {priced.number}").click()
    expect(winner.locator(f"#order-{priced.number}")).to_contain_text("Yours")
    loser.get_by_role("button", name=f"Claim {priced.number}").click()
    expect(loser.locator(f"#order-{priced.number}")).to_contain_text("Taken by Olga Berg")
    expect(loser).to_have_url("/admin/board/")

    winner.get_by_role("link", name="Yours").click()
    card = winner.locator(f"#order-{priced.number}")
    for button in ("Complete", "Pack", "Ship"):
        card.get_by_role("button", name=button).click()
    expect(card).to_contain_text("Shipped")
    deliver()

    seller.reload()
    seller.get_by_role("button", name="Confirm delivery and close").click()
    expect(seller.get_by_text("1 order was changed.")).to_be_visible()
    deliver()
    assert WorkOrder.objects.get(number=priced.number).status == Status.CLOSED


def test_everything_works_without_javascript(
    window: Window, olga: User, priced: Order, sam: User, deliver: Callable[[], int]
) -> None:
    services.order_approve(order_id=priced.pk, actor=sam, actor_kind="seller")
    deliver()
    page = window(olga, java_script_enabled=False)
    page.get_by_role("button", name=f"Claim {priced.number}").click()
    expect(page.get_by_text(f"{priced.number} is yours.")).to_be_visible()
    page.goto("/admin/my-orders/")
    page.get_by_role("button", name="Complete").click()
    expect(page.get_by_text(f"{priced.number}: Manufacturing completed")).to_be_visible()
    assert WorkOrder.objects.get().status == Status.MANUFACTURING_COMPLETED


def test_an_order_is_released_with_a_reason_and_stands_on_the_board_again(
    window: Window, olga: User, otto: User, priced: Order, sam: User, deliver: Callable[[], int]
) -> None:
    services.order_approve(order_id=priced.pk, actor=sam, actor_kind="seller")
    deliver()
    page = window(olga)
    page.get_by_role("button", name=f"Claim {priced.number}").click()
    page.get_by_role("link", name="Yours").click()
    page.get_by_text("Release…").click()
    page.get_by_label("Why does it go back to the board?").fill("The torch is broken.")
    page.get_by_role("button", name="Release").click()
    expect(page.locator(f"#order-{priced.number}")).to_contain_text("Ready to claim")
    expect(window(otto).get_by_role("button", name=f"Claim {priced.number}")).to_be_visible()


def test_the_model_comes_as_a_download(window: Window, sam: User, priced: Order) -> None:
    page = window(sam)
    page.goto(f"/admin/shop/order/{priced.number}/change/")
    with page.expect_download() as download:
        page.get_by_role("link", name="cube.stl").click()
    assert download.value.suggested_filename == "cube.stl"


def test_a_session_that_ran_out_leads_to_the_login_and_back(
    window: Window, olga: User, priced: Order, sam: User, deliver: Callable[[], int]
) -> None:
    services.order_approve(order_id=priced.pk, actor=sam, actor_kind="seller")
    deliver()
    page = window(olga)
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name=f"Claim {priced.number}").click()
    expect(page.get_by_label("Username")).to_be_visible()
    assert WorkOrder.objects.get().operator is None
