"""Does a repeated request with the same Idempotency-Key get the first answer again, whatever happened?"""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from shop import idempotency, services, tasks
from shop.models import IdempotencyKey, Order
from tests.clients import ApiClient
from tests.conftest import As
from tests.threads import Paused, at_once

ORDERS = "/api/v1/shop/orders/"
NEW = {"title": "Signet ring", "material": "gold_585", "quantity": 2}


def post(api: ApiClient, body: Any = NEW, key: str = "k1") -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return api.generic(
        "POST", ORDERS, data, content_type="application/json", headers={"Idempotency-Key": key}
    )


@pytest.fixture
def api(alice: User, as_user: As) -> ApiClient:
    return as_user(alice)


@pytest.mark.django_db
def test_a_repeat_gets_the_first_answer_and_makes_nothing(api: ApiClient) -> None:
    first = post(api)
    Order.objects.update(title="Changed since")
    again = post(api)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert first["Location"] == again["Location"]
    assert "Idempotency-Replayed" not in first
    assert again["Idempotency-Replayed"] == "true"
    assert Order.objects.count() == 1


@pytest.mark.django_db
def test_the_order_of_the_bodys_keys_does_not_matter(api: ApiClient) -> None:
    post(api, b'{"title": "Ring", "material": "brass", "quantity": 1}')
    again = post(api, b'{ "quantity":1,"material":"brass",\n"title":"Ring"}')
    assert (again.status_code, again.get("Idempotency-Replayed")) == (201, "true")


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"quantity": 3}, {"engraving": "A"}, {"title": "signet ring"}], ids=repr)
def test_the_same_key_with_another_body_is_refused(api: ApiClient, change: dict[str, Any]) -> None:
    post(api)
    answer = post(api, NEW | change)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert Order.objects.count() == 1


@pytest.mark.django_db
def test_a_key_is_its_users_own(api: ApiClient, clara: User, as_user: As) -> None:
    mine, theirs = post(api), post(as_user(clara))
    assert theirs.status_code == 201
    assert mine.json()["number"] != theirs.json()["number"]
    assert "Idempotency-Replayed" not in theirs


@pytest.mark.django_db
def test_without_a_key_each_request_is_an_order(api: ApiClient) -> None:
    for _ in range(2):
        assert api.post(ORDERS, NEW, format="json").status_code == 201
    assert Order.objects.count() == 2


@pytest.mark.django_db
def test_a_refused_request_uses_no_key_up(api: ApiClient) -> None:
    assert post(api, NEW | {"quantity": 0}).status_code == 400
    assert not IdempotencyKey.objects.exists()
    assert post(api).status_code == 201


@pytest.mark.django_db
def test_after_a_day_the_key_is_new_again(api: ApiClient) -> None:
    first = post(api)
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=23, minutes=59))
    assert post(api).json() == first.json()

    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=24, seconds=1))
    second = post(api, NEW | {"quantity": 9})
    assert second.status_code == 201
    assert "Idempotency-Replayed" not in second
    assert Order.objects.count() == 2
    assert post(api, NEW | {"quantity": 9}).json() == second.json()


@pytest.mark.django_db
def test_old_keys_are_purged_and_young_ones_kept(api: ApiClient) -> None:
    post(api, key="old")
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    post(api, key="young")
    assert tasks.purge_idempotency() == 1
    assert IdempotencyKey.objects.get().key == "young"


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "\x7f"], ids=lambda key: repr(key)[:10])
def test_a_key_that_is_none_is_refused(api: ApiClient, key: str) -> None:
    answer = post(api, key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")
    assert not Order.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["x", "x" * 255, "a b", "é", '"quoted"'], ids=lambda key: repr(key)[:10])
def test_any_printable_key_will_do(api: ApiClient, key: str) -> None:
    assert post(api, key=key).status_code == 201
    assert post(api, key=key)["Idempotency-Replayed"] == "true"


@pytest.mark.django_db(transaction=True)
def test_a_repeat_while_the_first_is_running_is_told_to_wait(alice: User, as_user: As) -> None:
    with Paused(lambda: post(as_user(alice)), after='INSERT INTO "shop_order"') as first:
        early = post(as_user(alice))
        other_key = post(as_user(alice), key="k2")
        assert (early.status_code, early.json()["code"]) == (409, "idempotency_in_progress")
        assert early["Retry-After"] == "1"
        assert other_key.status_code == 201, "only the same key waits"
        answer = first.go_on()

    assert answer.status_code == 201
    assert post(as_user(alice)).json() == answer.json()
    assert Order.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_many_equal_requests_at_once_make_one_order(alice: User, as_user: As) -> None:
    clients = [as_user(alice) for _ in range(12)]
    answers = at_once(*(lambda client=client: post(client) for client in clients))

    codes = Counter(answer.status_code for answer in answers)
    assert Order.objects.count() == 1
    assert set(codes) <= {201, 409}
    assert codes[201] >= 1
    numbers = {answer.json()["number"] for answer in answers if answer.status_code == 201}
    assert numbers == {Order.objects.get().number}


@pytest.mark.django_db(transaction=True)
def test_a_request_that_fails_halfway_leaves_neither_key_nor_order(
    alice: User, as_user: As, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_args: Any, **_fields: Any) -> None:
        raise ConnectionResetError

    with monkeypatch.context() as patch:
        patch.setattr(services, "record", die)
        with pytest.raises(ConnectionResetError):
            post(as_user(alice))
    assert not IdempotencyKey.objects.exists()
    assert not Order.objects.exists()

    answer = post(as_user(alice))
    assert (answer.status_code, Order.objects.count()) == (201, 1)
    assert "Idempotency-Replayed" not in answer


@pytest.mark.django_db(transaction=True)
def test_a_lock_dies_with_its_holder(alice: User) -> None:
    """A crash leaves no key that answers "still running" for ever."""

    def crash() -> idempotency.Answer:
        raise SystemExit

    with pytest.raises(SystemExit):
        idempotency.answer_once(alice, "k1", NEW, crash)
    assert idempotency.answer_once(alice, "k1", NEW, lambda: (201, {})) == ((201, {}), False)
