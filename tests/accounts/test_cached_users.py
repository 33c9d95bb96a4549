"""Does a user whom a cached token or session tells of behave like any other?"""

from datetime import UTC, datetime

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.caches import TOKENS
from accounts.models import User
from accounts.principals import principal_payload
from accounts.roles import Role
from accounts.services import token_issue
from tests.caching.relays import LONG_FENCE, stepped
from tests.desks import desk

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD, NEW = "gold and silver", "silver and gold"
LONG_AGO = datetime(2001, 2, 3, tzinfo=UTC)


@pytest.fixture
def olga(olga: User, settings: Settings) -> User:
    """The operator, with a password that is quickly checked."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    olga.set_password(PASSWORD)
    olga.save()
    return olga


@pytest.fixture
def known(olga: User) -> User:
    """Olga, as a request that hit the cache knows her."""
    return cached(olga)


def cached(user: User) -> User:
    token, _key = token_issue(user=user, name=user.username)
    return User.of_principal(principal_payload(TOKENS.current([token.digest])[token.digest]))


def test_what_the_cache_does_not_tell_of_a_user_is_read_when_it_is_asked_for(
    known: User, olga: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    assert {"password", "last_login", "date_joined"} <= known.get_deferred_fields()
    with django_assert_num_queries(0):
        assert (known, known.display_name, known.roles) == (olga, "Olga Berg", {"operators"})
        assert known.has_role(Role.OPERATOR)
        assert known.is_authenticated
        assert known.has_usable_password()
    with django_assert_num_queries(1):
        assert known.date_joined == olga.date_joined
    with django_assert_num_queries(1):
        assert known.check_password(PASSWORD)


def test_a_user_from_the_cache_may_what_the_roles_allow(
    known: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        assert known.has_perm("mes.view_workorder")
        assert not known.has_perm("accounts.view_user")
        assert not known.has_perms(["mes.view_workorder", "mes.view_tariff"])


def test_an_administrator_from_the_cache_may_everything_unless_inactive(
    anna: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    known = cached(anna)
    User.objects.update(is_active=False)
    inactive = cached(anna)
    with django_assert_num_queries(0):
        assert known.has_perm("accounts.view_user")
        assert not inactive.has_perm("accounts.view_user")
        assert known.roles == frozenset()


def test_saving_one_column_of_a_user_from_the_cache_saves_no_other(known: User) -> None:
    User.objects.update(last_name="Stein", is_active=False)
    known.language = "ru"
    known.save(update_fields=["language"])
    stored = User.objects.get(pk=known.pk)
    assert (stored.language, stored.last_name, stored.is_active) == ("ru", "Stein", False)


def test_saving_a_user_from_the_cache_leaves_alone_what_it_does_not_know(known: User) -> None:
    User.objects.update(date_joined=LONG_AGO, password="meanwhile", last_login=LONG_AGO)
    known.first_name = "Olja"
    known.save()
    stored = User.objects.get(pk=known.pk)
    assert (stored.first_name, stored.date_joined, stored.last_login) == ("Olja", LONG_AGO, LONG_AGO)
    assert stored.password == "meanwhile"
    assert stored.roles == {"operators"}


def test_a_new_password_of_a_user_from_the_cache_is_saved(known: User) -> None:
    known.set_password(NEW)
    known.save()
    assert User.objects.get(pk=known.pk).check_password(NEW)
    known.set_unusable_password()
    assert not known.has_usable_password()


def test_a_user_from_the_cache_who_is_gone_is_not_brought_back(known: User, olga: User) -> None:
    olga.delete()
    known.first_name = "Olja"
    with pytest.raises(Exception, match="did not affect any rows"):
        known.save()
    assert not User.objects.filter(username="olga").exists()


def test_a_password_change_does_not_give_back_what_psql_took_a_moment_ago(
    olga: User, settings: Settings
) -> None:
    """The cache has not heard of it yet, and Django's form saves its user whole."""
    settings.CACHE_FENCE_SECONDS = LONG_FENCE
    olga.is_superuser = True
    olga.save()
    with stepped():
        browser: Client = desk(olga)
        User.objects.update(is_superuser=False)
        form = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
        assert browser.post("/admin/password_change/", form).status_code == 302
    olga.refresh_from_db()
    assert (olga.check_password(NEW), olga.is_superuser) == (True, False)


def test_what_was_saved_can_be_saved_back(known: User) -> None:
    for language in ("ru", "en"):
        known.language = language
        known.save()
        assert User.objects.get(pk=known.pk).language == language


def test_what_was_read_anew_is_what_changes_are_told_by(known: User) -> None:
    before = known.first_name
    User.objects.update(first_name="Meanwhile")
    known.refresh_from_db()
    known.first_name = before
    known.save()
    assert User.objects.get(pk=known.pk).first_name == before


def test_a_user_whose_password_was_not_loaded_is_asked_for_it(olga: User) -> None:
    assert User.objects.only("username").get(pk=olga.pk).has_usable_password()
