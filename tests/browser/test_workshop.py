"""Does an order get from the board into a parcel, and to its end, by people at browsers?"""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Locator, Page, expect

from accounts.models import User
from events.vocabulary import Status
from mes.models import WorkOrder
from shop import services
from shop.models import Order
from tests.browser.conftest import PHONE, Window
from tests.solids import cube

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ENGLISH = {
    "approve": "Approve", "changed": "1 order was changed.", "claim": "Claim", "yours": "Yours",
    "taken": "Taken by Olga Berg", "complete": "Complete", "pack": "Pack", "ship": "Ship",
    "shipped": "Shipped", "close": "Confirm delivery and close",
    "mine": "My orders", "orders": "Orders", "empty": "No orders here.",
}  # fmt: skip
RUSSIAN = {
    "approve": "Одобрить", "changed": "1 заказ изменён.", "claim": "Взять", "yours": "Ваш",
    "taken": "Взят: Olga Berg", "complete": "Готово", "pack": "Упаковать", "ship": "Отгрузить",
    "shipped": "Отгружен", "close": "Подтвердить доставку и закрыть",
    "mine": "Мои заказы", "orders": "Заказы", "empty": "Заказов нет.",
}  # fmt: skip


def click(_page: Page, button: Locator) -> None:
    """By mouse."""
    button.click()


def press(page: Page, button: Locator) -> None:
    """By keyboard alone: Tab until it has the focus, then Enter."""
    expect(button).to_be_visible()
    for _ in range(80):
        if button.evaluate("one => one === document.activeElement"):
            page.keyboard.press("Enter")
            return
        page.keyboard.press("Tab")
    raise AssertionError("Tab does not lead to the button")


def click_claim(page: Page, number: str, words: dict[str, str]) -> None:
    """Claim by mouse."""
    page.get_by_role("button", name=f"{words['claim']} {number}").click()


def type_claim(page: Page, number: str, words: dict[str, str]) -> None:
    """Claim by keyboard: j marks the first order, c claims it."""
    expect(page.get_by_role("button", name=f"{words['claim']} {number}")).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("c")


def click_mine(page: Page, words: dict[str, str]) -> None:
    """To one's orders by mouse."""
    page.get_by_role("link", name=words["mine"]).first.click()


def type_mine(page: Page, _words: dict[str, str]) -> None:
    """To one's orders by keyboard."""
    page.keyboard.press("m")


@dataclass
class Way:
    """One way to use the pages."""

    words: dict[str, str] = field(default_factory=lambda: ENGLISH)
    language: str = "en"
    use: Callable[[Page, Locator], None] = click
    claim: Callable[[Page, str, dict[str, str]], None] = click_claim
    go_to_mine: Callable[[Page, dict[str, str]], None] = click_mine
    screen: dict[str, object] = field(default_factory=dict)


WAYS = {
    "mouse": Way(),
    "keyboard": Way(use=press, claim=type_claim, go_to_mine=type_mine),
    "russian, on a phone": Way(words=RUSSIAN, language="ru", screen={"viewport": PHONE, "has_touch": True}),
}


@pytest.fixture
def priced(alice: User, deliver: Callable[[], int]) -> Order:
    """alice's order, priced."""
    order = services.order_create(client=alice, title="Cube charm", material="silver_925", quantity=2)
    services.order_upload_model(order_id=order.pk, actor=alice, upload=cube())
    services.order_submit(order_id=order.pk, actor=alice)
    deliver()
    return Order.objects.get(pk=order.pk)


@pytest.fixture
def approved(priced: Order, sam: User, deliver: Callable[[], int]) -> Order:
    """alice's order, ready to claim."""
    services.order_approve(order_id=priced.pk, actor=sam, actor_kind="seller")
    deliver()
    return priced


@pytest.mark.parametrize("name", WAYS)
def test_an_order_is_approved_claimed_by_one_of_two_shipped_and_closed(
    window: Window,
    relay: None,
    sam: User,
    olga: User,
    otto: User,
    priced: Order,
    deliver: Callable[[], int],
    name: str,
) -> None:
    way, number = WAYS[name], priced.number
    words = way.words
    for user in (sam, olga, otto):
        user.language = way.language
    winner, loser = window(olga, **way.screen), window(otto, **way.screen)
    seller = window(sam, **way.screen)
    link = seller.get_by_role("link", name=number, exact=True)
    way.use(seller, link)
    way.use(seller, seller.get_by_role("button", name=words["approve"]))
    expect(seller.get_by_text(words["changed"])).to_be_visible()
    deliver()

    # It appears by itself; the loser presses before the board has told about the winner.
    for page in (winner, loser):
        expect(page.locator(f"#order-{number}")).to_be_visible()
    loser.route("**/board/live/**", lambda route: route.fulfill(status=304))
    way.claim(winner, number, words)
    expect(winner.locator(f"#order-{number}")).to_contain_text(words["yours"])
    way.claim(loser, number, words)
    expect(loser.locator(f"#order-{number}")).to_contain_text(words["taken"])
    loser.mouse.move(0, 0)

    way.go_to_mine(winner, words)
    card = winner.locator(f"#order-{number}")
    for button in ("complete", "pack", "ship"):
        way.use(winner, card.get_by_role("button", name=words[button]))
    expect(card).to_contain_text(words["shipped"])
    deliver()
    expect(loser.get_by_text(words["empty"])).to_be_visible()
    expect(loser.locator(f"#order-{number}")).to_have_count(0)

    way.use(seller, seller.get_by_role("link", name=words["orders"], exact=True).first)
    expect(seller).to_have_url("/admin/shop/order/")
    way.use(seller, link)
    way.use(seller, seller.get_by_role("button", name=words["close"]))
    expect(seller.get_by_text(words["changed"])).to_be_visible()
    deliver()
    assert WorkOrder.objects.get(number=number).status == Status.CLOSED


def test_everything_works_without_javascript(window: Window, olga: User, approved: Order) -> None:
    page = window(olga, java_script_enabled=False)
    page.get_by_role("button", name=f"Claim {approved.number}").click()
    expect(page.get_by_text(f"{approved.number} is yours.")).to_be_visible()
    page.goto("/admin/my-orders/")
    page.get_by_role("button", name="Complete").click()
    expect(page.get_by_text(f"{approved.number}: Manufacturing completed")).to_be_visible()
    assert WorkOrder.objects.get().status == Status.MANUFACTURING_COMPLETED


def test_an_order_is_released_with_a_reason_and_stands_on_the_board_again(
    window: Window, olga: User, otto: User, approved: Order
) -> None:
    page = window(olga)
    page.get_by_role("button", name=f"Claim {approved.number}").click()
    page.get_by_role("link", name="Yours").click()
    page.get_by_text("Release…").click()
    page.get_by_label("Why does it go back to the board?").fill("The torch is broken.")
    page.get_by_role("button", name="Release").click()
    expect(page.locator(f"#order-{approved.number}")).to_contain_text("Ready to claim")
    expect(window(otto).get_by_role("button", name=f"Claim {approved.number}")).to_be_visible()


def test_the_model_comes_as_a_download_and_as_a_picture(window: Window, sam: User, priced: Order) -> None:
    page = window(sam)
    page.goto(f"/admin/shop/order/{priced.number}/change/")
    picture = page.get_by_alt_text("The model")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 192
    with page.expect_download() as download:
        page.get_by_role("link", name="cube.stl").click()
    assert download.value.suggested_filename == "cube.stl"


def test_the_language_is_chosen_in_the_header(window: Window, olga: User) -> None:
    page = window(olga)
    page.locator("[x-data] .cursor-pointer", has_text="Olga Berg").first.click()
    page.get_by_role("button", name="Русский").click()
    expect(page.get_by_role("link", name="Доска").first).to_be_visible()
    expect(page).to_have_url("/admin/board/")
