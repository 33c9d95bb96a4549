"""Which API tokens open the door, and at what cost?"""

import re
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import ApiToken, User
from accounts.services import token_issue, token_revoke

pytestmark = [pytest.mark.urls("tests.config.probes"), pytest.mark.django_db]


def client_with(key: str) -> Client:
    """A client that shows this key."""
    return Client(headers={"authorization": f"Token {key}"})


def test_a_token_lets_its_user_in(olga: User) -> None:
    _token, key = token_issue(user=olga, name="workshop")
    assert client_with(key).get("/api/closed/").json() == {"user": "olga"}


def test_the_scheme_is_read_in_any_case(olga: User) -> None:
    _token, key = token_issue(user=olga, name="workshop")
    answer = Client(headers={"authorization": f"tOKEN   {key}"}).get("/api/closed/")
    assert answer.status_code == 200


def test_a_key_is_forty_url_safe_characters_and_nowhere_stored(olga: User) -> None:
    token, key = token_issue(user=olga, name="workshop")
    assert re.fullmatch(r"[A-Za-z0-9_-]{40}", key)
    stored = ApiToken.objects.values().get(pk=token.pk)
    assert stored["hint"] == key[-4:]
    assert not any(key in str(value) for value in stored.values())


def test_a_user_has_several_tokens_and_each_works(olga: User) -> None:
    keys = {token_issue(user=olga, name="workshop")[1] for _ in range(3)}
    assert len(keys) == 3
    assert [client_with(key).get("/api/closed/").status_code for key in keys] == [200] * 3


def test_an_expired_token_is_refused_and_one_that_will_expire_is_not(olga: User) -> None:
    now = timezone.now()
    _token, old = token_issue(user=olga, name="old", expires_at=now - timedelta(seconds=1))
    _token, fresh = token_issue(user=olga, name="fresh", expires_at=now + timedelta(minutes=1))
    assert client_with(old).get("/api/closed/").status_code == 401
    assert client_with(fresh).get("/api/closed/").status_code == 200


def test_a_revoked_token_is_refused_and_the_first_revocation_stands(olga: User) -> None:
    token, key = token_issue(user=olga, name="workshop")
    assert token_revoke(token=token)
    revoked_at = token.revoked_at
    assert revoked_at
    assert client_with(key).get("/api/closed/").status_code == 401
    assert not token_revoke(token=token)
    assert token.revoked_at == revoked_at


def test_the_token_of_an_inactive_user_is_refused(olga: User) -> None:
    _token, key = token_issue(user=olga, name="workshop")
    User.objects.filter(pk=olga.pk).update(is_active=False)
    assert client_with(key).get("/api/closed/").status_code == 401


@pytest.mark.parametrize(
    "header",
    [
        "Token",
        "Token ",
        "Token a b",
        "Token wrong",
        "Token \xff",
        "Bearer abc",
        "Basic YTpi",
        "",
        "Token \x00",
    ],
)
def test_anything_else_is_not_authenticated(db: None, header: str) -> None:
    answer = Client().get("/api/closed/", HTTP_AUTHORIZATION=header)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Token"


def test_a_bad_token_is_not_saved_by_a_good_session(olga: User) -> None:
    client = client_with("wrong")
    client.force_login(olga)
    assert client.get("/api/closed/").status_code == 401


def test_a_session_lets_its_user_in(olga: User) -> None:
    client = Client()
    client.force_login(olga)
    assert client.get("/api/closed/").json() == {"user": "olga"}


def test_authentication_costs_one_query_roles_included(
    olga: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _token, key = token_issue(user=olga, name="workshop")
    client = client_with(key)
    with django_assert_num_queries(1):
        assert client.get("/api/closed/").status_code == 200


def test_the_demo_may_bring_its_own_key_but_only_once(olga: User) -> None:
    _token, key = token_issue(user=olga, name="demo", key="demo-key")
    assert client_with(key).get("/api/closed/").status_code == 200
    with pytest.raises(ValidationError):
        token_issue(user=olga, name="demo", key="demo-key")


def test_a_token_must_say_what_it_is_for(olga: User) -> None:
    with pytest.raises(ValidationError) as caught:
        token_issue(user=olga, name="")
    assert set(caught.value.message_dict) == {"name"}
