"""Can engineers see how the caches are, and warm, audit and rebuild them; and nobody else?"""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Permission

from accounts.models import User
from caching.redis import relay_connection
from mes.caches import BOARD
from tests.caching.relays import SteppedRelay, stepped
from tests.desks import desk, told
from tests.factories import WorkOrderFactory

CACHES = ["accounts.tokens", "accounts.sessions", "shop.orders", "mes.board"]
PAGE, BOARD_PAGE = "/admin/caches/", "/admin/caches/mes.board/"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stepped_relay(transactional_db: None, settings: object) -> object:
    settings.CACHE_FENCE_SECONDS = 120
    with stepped() as relay:
        yield relay


def test_the_page_shows_every_partition(erik: User, stepped_relay: SteppedRelay) -> None:
    page = desk(erik).get(PAGE)
    assert [one.cache for one in page.context["status"].partitions] == CACHES
    assert "s old" in page.text


def test_warm_and_audit_say_what_they_did(erik: User, stepped_relay: SteppedRelay) -> None:
    WorkOrderFactory.create_batch(2)
    browser = desk(erik)
    assert told(browser.post(f"{BOARD_PAGE}warm/"))[0].startswith("mes.board: 2 rows written in")
    stepped_relay.settle()
    said = told(browser.post(f"{BOARD_PAGE}audit/"))
    assert said[-1] == "mes.board: 2 rows compared with PostgreSQL, none differs."


def test_a_rebuild_begins_a_new_epoch(erik: User, stepped_relay: SteppedRelay) -> None:
    head = BOARD.partition.key("head")
    before = relay_connection().hget(head, "epoch")
    desk(erik).post(f"{BOARD_PAGE}rebuild/")
    stepped_relay.relay._renewed_at = -float("inf")
    stepped_relay.settle()
    assert relay_connection().hget(head, "epoch") != before
    assert "asked for by erik" in desk(erik).get(PAGE).text


@pytest.fixture
def _engineers_may_not_rebuild(erik: User) -> Iterator[None]:
    group, permission = erik.groups.get(), Permission.objects.get(codename="rebuild_caches")
    group.permissions.remove(permission)
    yield
    group.permissions.add(permission)


@pytest.mark.usefixtures("_engineers_may_not_rebuild")
def test_a_rebuild_needs_a_permission_of_its_own(erik: User) -> None:
    browser = desk(erik)
    assert browser.post(f"{BOARD_PAGE}rebuild/").status_code == 403
    assert "Rebuild…" not in browser.get(PAGE).text
    assert browser.post(f"{BOARD_PAGE}warm/").status_code == 302


@pytest.mark.parametrize("name", ["olga", "sam"])
def test_others_do_not_enter(name: str, request: pytest.FixtureRequest) -> None:
    browser = desk(request.getfixturevalue(name))
    assert browser.get(PAGE).status_code == 403
    assert browser.post(f"{BOARD_PAGE}warm/").status_code == 403


def test_a_cache_or_an_action_that_is_none_is_a_404(erik: User) -> None:
    assert desk(erik).post("/admin/caches/nothing/warm/").status_code == 404
    assert desk(erik).post(f"{BOARD_PAGE}burn/").status_code == 404
