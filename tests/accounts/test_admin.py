"""Can an administrator make users and tokens, and does no page ever show a secret again?"""

import re

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.roles import Role
from accounts.services import token_issue

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client: Client) -> Client:
    """A superuser's browser."""
    client.force_login(User.objects.create_superuser("boss", language="en"))
    return client


@pytest.mark.parametrize("page", ["user/", "user/add/", "apitoken/", "apitoken/add/", "apitoken/?q=x"])
def test_every_page_opens(boss: Client, page: str) -> None:
    assert boss.get(f"/admin/accounts/{page}").status_code == 200


def test_groups_and_a_users_own_page_open(boss: Client, olga: User) -> None:
    group = Group.objects.get(name=Role.OPERATOR)
    assert boss.get(f"/admin/auth/group/{group.pk}/change/").status_code == 200
    assert 'name="language"' in boss.get(f"/admin/accounts/user/{olga.pk}/change/").text


def test_a_user_is_made_and_given_a_role_and_a_language(boss: Client) -> None:
    passwords = {"password1": "a long pass phrase", "password2": "a long pass phrase"}
    answer = boss.post(
        "/admin/accounts/user/add/", {"username": "nina", "usable_password": "true", **passwords}
    )
    assert answer.status_code == 302
    nina = User.objects.get(username="nina")
    fields = {"username": "nina", "language": "ru", "is_active": "on", "is_staff": "on"}
    dates = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    groups = {"groups": [Group.objects.get(name=Role.OPERATOR).pk]}
    answer = boss.post(f"/admin/accounts/user/{nina.pk}/change/", {**fields, **dates, **groups})
    assert answer.status_code == 302
    nina = User.objects.get(username="nina")
    assert (nina.language, nina.roles) == ("ru", {"operators"})


def test_a_new_tokens_key_is_shown_once_and_works(boss: Client, olga: User) -> None:
    form = {"user": olga.pk, "name": "workshop", "expires_at_0": "", "expires_at_1": ""}
    page = boss.post("/admin/accounts/apitoken/add/", form, follow=True).text
    match = re.search(r"is ([A-Za-z0-9_-]{40})\.", page)
    assert match
    token = ApiToken.objects.get()
    assert token.digest == ApiToken.digest_of(match[1])
    for address in ("/admin/accounts/apitoken/", f"/admin/accounts/apitoken/{token.pk}/change/"):
        again = boss.get(address)
        assert again.status_code == 200
        assert match[1] not in again.text
        assert token.digest not in again.text


def test_tokens_are_revoked_in_the_list(boss: Client, olga: User) -> None:
    token, _key = token_issue(user=olga, name="workshop")
    form = {"action": "revoke", "_selected_action": [token.pk]}
    page = boss.post("/admin/accounts/apitoken/", form, follow=True).text
    assert "Tokens revoked: 1." in page
    token.refresh_from_db()
    assert token.revoked_at
    assert token.revoked_at <= timezone.now()


def test_a_token_cannot_be_changed(boss: Client, olga: User, otto: User) -> None:
    token, _key = token_issue(user=olga, name="workshop")
    boss.post(f"/admin/accounts/apitoken/{token.pk}/change/", {"user": otto.pk, "name": "stolen"})
    token.refresh_from_db()
    assert (token.user, token.name) == (olga, "workshop")


def test_an_engineer_sees_users_and_tokens_and_can_touch_neither(
    client: Client, erik: User, olga: User
) -> None:
    User.objects.filter(pk=erik.pk).update(is_staff=True)
    token, _key = token_issue(user=olga, name="workshop")
    client.force_login(erik)
    assert client.get("/admin/accounts/user/").status_code == 200
    assert "revoke" not in client.get("/admin/accounts/apitoken/").text.lower().replace("revoked", "")
    assert client.get("/admin/accounts/apitoken/add/").status_code == 403
    client.post("/admin/accounts/apitoken/", {"action": "revoke", "_selected_action": [token.pk]})
    token.refresh_from_db()
    assert token.revoked_at is None


def test_an_operator_sees_no_accounts(client: Client, olga: User) -> None:
    User.objects.filter(pk=olga.pk).update(is_staff=True)
    client.force_login(olga)
    assert client.get("/admin/", follow=True).status_code == 200
    assert client.get("/admin/accounts/user/").status_code == 403
    assert client.get("/admin/accounts/apitoken/").status_code == 403
