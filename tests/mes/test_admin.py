"""What do the plant's people see in the admin of work orders and tariffs, and who finds which page?"""

import pytest

from accounts.models import User
from events import model_files
from events.vocabulary import ActorKind, Material, Status
from mes.models import Tariff, WorkOrder
from mes.pricing import DEFAULT_TARIFFS
from tests.desks import desk, queries_of
from tests.factories import WorkOrderFactory
from tests.solids import cube, cube_bytes

pytestmark = pytest.mark.django_db
LIST = "/admin/mes/workorder/"


@pytest.fixture
def tariff() -> Tariff:
    return Tariff.objects.get(material=Material.BRASS)


def test_the_list_takes_the_same_queries_for_few_and_many_work_orders(olga: User) -> None:
    browser = desk(olga)
    WorkOrderFactory(status=Status.SHIPPED, operator=olga)
    few = queries_of(browser, LIST)
    WorkOrderFactory.create_batch(20, status=Status.SHIPPED, operator=olga)
    assert queries_of(browser, LIST) == few


@pytest.mark.parametrize("name", ["olga", "sam", "erik"])
def test_the_plant_sellers_and_engineers_read_a_work_order_under_its_number(
    name: str, request: pytest.FixtureRequest
) -> None:
    order = WorkOrderFactory(flags=[{"code": "tiny", "detail": "Only 1.3 mm across."}])
    order.history.create(
        to_status=order.status, actor_kind=ActorKind.CLIENT, at=order.created_at, reason="Why."
    )
    browser = desk(request.getfixturevalue(name))
    page = browser.get(f"{LIST}{order.number}/change/").text
    assert order.title in page
    assert "Only 1.3 mm across." in page
    assert "Why." in page
    assert browser.post(f"{LIST}{order.number}/change/", {"title": "Other"}).status_code == 403


def test_a_work_order_is_found_by_number_status_and_material(olga: User) -> None:
    ring = WorkOrderFactory(status=Status.PRICE_CALCULATED, material=Material.BRASS)
    WorkOrderFactory()
    browser = desk(olga)
    for query in (
        {"q": ring.number},
        {"status__exact": Status.PRICE_CALCULATED},
        {"material__exact": Material.BRASS},
    ):
        assert [row.pk for row in browser.get(LIST, query).context["cl"].result_list] == [ring.pk]


def test_pages_of_the_list_follow_the_board(olga: User) -> None:
    WorkOrderFactory.create_batch(60)
    browser = desk(olga)
    first = browser.get(LIST).context["cl"]
    second = browser.get(LIST + first.older).context["cl"]
    seen = [order.position for order in (*first.result_list, *second.result_list)]
    assert seen == list(WorkOrder.objects.order_by("-position").values_list("position", flat=True))
    assert second.newest


def test_the_model_is_downloaded_by_whoever_may_see_the_order(olga: User, alice: User) -> None:
    order = WorkOrderFactory(model=model_files.store(cube()).to_json())
    address = f"{LIST}{order.number}/model/"
    assert b"".join(desk(olga).get(address).streaming_content) == cube_bytes()
    assert desk(alice).get(address).status_code == 404


def test_a_seller_changes_a_tariff_but_neither_adds_nor_deletes_one(sam: User, tariff: Tariff) -> None:
    browser, address = desk(sam), f"/admin/mes/tariff/{tariff.pk}/"
    form = {
        "density_g_cm3": "8.5",
        "price_per_gram": "0.35",
        "making_fee": "1",
        "making_per_gram": "1",
        "lead_days": "3",
    }
    assert browser.post(f"{address}change/", form).status_code == 302
    tariff.refresh_from_db()
    assert (str(tariff.price_per_gram), tariff.lead_days) == ("0.35", 3)
    assert browser.post("/admin/mes/tariff/add/", form).status_code == 403
    assert browser.post(f"{address}delete/").status_code == 403
    assert Tariff.objects.count() == len(DEFAULT_TARIFFS)


def test_an_engineer_reads_tariffs_and_an_operator_does_not(erik: User, olga: User, tariff: Tariff) -> None:
    address = f"/admin/mes/tariff/{tariff.pk}/change/"
    assert desk(erik).get(address).status_code == 200
    assert desk(erik).post(address, {}).status_code == 403
    assert desk(olga).get(address).status_code == 403


@pytest.mark.parametrize(
    ("name", "landing"),
    [("olga", "/admin/board/"), ("sam", "/admin/shop/order/"), ("erik", "/admin/events/outboxevent/")],
)
def test_everybody_lands_where_the_work_is(name: str, landing: str, request: pytest.FixtureRequest) -> None:
    assert desk(request.getfixturevalue(name)).get("/admin/").url == landing


@pytest.mark.parametrize("name", ["olga", "sam", "erik", "boss"])
def test_every_link_of_the_sidebar_opens(name: str, request: pytest.FixtureRequest) -> None:
    boss = name == "boss"
    user = User.objects.create_superuser("boss") if boss else request.getfixturevalue(name)
    browser = desk(user)
    groups = browser.get("/admin/", follow=True).context["sidebar_navigation"]
    links = [item["link"] for group in groups for item in group["items"]]
    assert links
    assert {browser.get(link).status_code for link in links} == {200}


def test_a_client_may_not_enter_the_admin(alice: User) -> None:
    browser = desk(alice)
    User.objects.filter(pk=alice.pk).update(is_staff=False)
    assert browser.get("/admin/").url.startswith("/admin/login/")


def test_an_address_with_nothing_behind_it_says_so(olga: User) -> None:
    answer = desk(olga).get("/nowhere/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
