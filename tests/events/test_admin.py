"""What does an engineer see of the outbox in the admin, and how are parked events woken?"""

import pytest
from django.utils import timezone

from accounts.models import User
from events.models import OutboxEvent
from tests.desks import desk, queries_of, told

pytestmark = pytest.mark.django_db
LIST = "/admin/events/outboxevent/"


def event(number: str = "A-00000000", **fields: object) -> OutboxEvent:
    values = {"kind": "shop.order_approved", "payload": {"number": number}, "due_at": timezone.now()}
    return OutboxEvent.objects.create(subject=number, **{**values, **fields})


def parked(**fields: object) -> OutboxEvent:
    return event(parked_at=timezone.now(), attempts=12, error="ValueError: no such tariff", **fields)


def shown(user: User, **query: str) -> list[int]:
    return [row.pk for row in desk(user).get(LIST, query).context["cl"].result_list]


def test_the_list_takes_the_same_queries_for_few_and_many_events(erik: User) -> None:
    browser = desk(erik)
    event()
    few = queries_of(browser, LIST)
    for _ in range(20):
        event()
    assert queries_of(browser, LIST) == few


def test_events_are_filtered_by_state_and_kind_and_found_by_order(erik: User) -> None:
    waiting, handled = event(), event(handled_at=timezone.now(), kind="shop.order_closed")
    stuck = parked(number="P-7ZZZZZZZ")
    assert shown(erik) == [stuck.pk, handled.pk, waiting.pk]
    assert shown(erik, state="waiting") == [waiting.pk]
    assert shown(erik, state="parked") == [stuck.pk]
    assert shown(erik, state="handled") == [handled.pk]
    assert shown(erik, kind="shop.order_closed") == [handled.pk]
    assert shown(erik, q="p-7zz") == [stuck.pk]


def test_a_parked_event_shows_its_error_and_payload(erik: User) -> None:
    stuck, browser = parked(), desk(erik)
    assert "no such tariff" in browser.get(LIST).text
    page = browser.get(f"{LIST}{stuck.pk}/change/").text
    assert "ValueError: no such tariff" in page
    assert "&quot;number&quot;: &quot;A-00000000&quot;" in page
    assert "Try again" in page


def test_a_parked_event_is_tried_again_from_its_page(erik: User) -> None:
    stuck = parked()
    answer = desk(erik).post(f"{LIST}{stuck.pk}/retry/")
    stuck.refresh_from_db()
    assert told(answer) == ["1 event will be tried again."]
    assert (stuck.parked_at, stuck.attempts) == (None, 0)


def test_selected_events_are_tried_again_and_the_others_counted(erik: User) -> None:
    chosen = [parked().pk, parked().pk, event().pk]
    answer = desk(erik).post(LIST, {"action": "retry_selected", "_selected_action": chosen})
    assert told(answer) == ["2 events will be tried again.", "1 event was skipped: it is not parked."]
    assert not OutboxEvent.objects.filter(parked_at__isnull=False).exists()


def test_only_a_parked_event_has_the_button(erik: User) -> None:
    assert "Try again" not in desk(erik).get(f"{LIST}{event().pk}/change/").text


def test_who_may_only_look_sees_no_button_and_is_refused(erik: User) -> None:
    erik.groups.get().permissions.remove(*erik.groups.get().permissions.filter(codename="change_outboxevent"))
    stuck, browser = parked(), desk(erik)
    page = browser.get(f"{LIST}{stuck.pk}/change/")
    assert page.status_code == 200
    assert "Try again" not in page.text
    assert browser.get(LIST).context["action_form"] is None
    assert browser.post(f"{LIST}{stuck.pk}/retry/").status_code == 403


@pytest.mark.parametrize("name", ["olga", "sam"])
def test_nobody_else_sees_events(name: str, request: pytest.FixtureRequest) -> None:
    browser = desk(request.getfixturevalue(name))
    assert browser.get(LIST).status_code == 403
    assert "outboxevent" not in browser.get("/admin/", follow=True).text


@pytest.mark.parametrize("action", ["add", "delete", "change"])
def test_nobody_adds_edits_or_deletes_an_event(erik: User, action: str) -> None:
    row = event()
    address = f"{LIST}add/" if action == "add" else f"{LIST}{row.pk}/{action}/"
    assert desk(erik).post(address, {"kind": "other"}).status_code == 403
