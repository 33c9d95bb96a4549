"""Is a cached row that shows columns of other tables kept true, whoever writes them and however?"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from accounts.caches import TOKENS
from accounts.models import ApiToken, User
from accounts.roles import Role
from accounts.services import token_issue
from accounts.sessions import SessionStore
from caching.changes import backlog
from tests.caching.relays import SteppedRelay
from tests.caching.sabotage import needs
from tests.factories import UserFactory
from tests.threads import Paused, in_background, somebody_waits_for_a_lock, until

KEY = "olgas-key"
Through = User.groups.through


def sql(text: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, params)


def stored(key: str = KEY) -> Any:
    """What PostgreSQL says of the token."""
    row = TOKENS.current([ApiToken.digest_of(key)]).get(ApiToken.digest_of(key))
    return row and json.loads(TOKENS.payload(row))


def shown(key: str = KEY) -> Any:
    """What the cache says of the token; read twice, for what has gone from Redis is filled by the first."""
    found = [TOKENS.read(ApiToken.digest_of(key)) for _ in range(2)][-1]
    assert found.status == "api-token; hit" or found.payload is None
    return found.payload and json.loads(found.payload)


def step(relay: SteppedRelay) -> None:
    """The relay's next pass, and those it asks for at once."""
    while relay.run_pass():
        pass


@pytest.fixture
def sellers(transactional_db: None) -> Iterator[Group]:
    """A role's group with nobody in it; it is what it was afterwards."""
    group = Group.objects.get(name=Role.SELLER)
    pk, permissions = group.pk, list(group.permissions.all())
    yield group
    Through.objects.all().delete()
    Group.objects.exclude(name__in=Role).exclude(pk=pk).delete()
    again, _made = Group.objects.update_or_create(pk=pk, defaults={"name": Role.SELLER})
    again.permissions.set(permissions)


@pytest.fixture
def token(stepped_relay: SteppedRelay, sellers: Group) -> ApiToken:
    """A token of a seller, and the cache knows it."""
    user = UserFactory(username="sam", role=Role.SELLER)
    made, _key = token_issue(user=user, name="workshop", key=KEY)
    stepped_relay.settle()
    assert backlog() == 0
    assert shown()["user"]["roles"] == ["sellers"]
    return made


# -- Writes that no signal tells of -----------------------------------------------------------------------

GROUP = f"(SELECT id FROM auth_group WHERE name = '{Role.SELLER}')"
LINK = f"INSERT INTO accounts_user_groups (user_id, group_id) SELECT id, {GROUP} FROM accounts_user"


def comes_back(table: str, which: str, change: str) -> str:
    """SQL that deletes a row and makes it anew, under its id: what points to it may, until COMMIT."""
    return (
        f"CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT * FROM {table} WHERE {which};"
        f" DELETE FROM {table} WHERE {which}; UPDATE kept SET {change};"
        f" INSERT INTO {table} SELECT * FROM kept"
    )


def bulk_update(token: ApiToken) -> None:
    token.user.first_name = "Samuel"
    User.objects.bulk_update([token.user], ["first_name"])


def operators() -> Group:
    return Group.objects.get(name=Role.OPERATOR)


def move_membership(token: ApiToken) -> None:
    Through.objects.update(user=UserFactory(username="other"))


@pytest.mark.parametrize("write", [
    "UPDATE accounts_user SET is_active = false",
    "UPDATE accounts_user SET username = username || '2', language = 'ru'",
    "UPDATE accounts_user SET is_superuser = true, is_staff = true WHERE username = 'sam'",
    "DELETE FROM accounts_user_groups",
    "TRUNCATE accounts_user_groups",
    f"DELETE FROM accounts_user_groups; DELETE FROM auth_group_permissions WHERE group_id = {GROUP};"
    " DELETE FROM auth_group WHERE name = 'sellers'",
    "UPDATE auth_group SET name = 'former sellers' WHERE name = 'sellers'",
    f"DELETE FROM accounts_user_groups; {LINK}; UPDATE accounts_user SET first_name = 'Both'",
    "UPDATE accounts_user_groups SET group_id = (SELECT min(id) FROM auth_group WHERE name = 'operators')",
    f"{LINK} ON CONFLICT (user_id, group_id) DO UPDATE SET group_id = {GROUP.replace('sellers', 'clients')}",
    "UPDATE accounts_apitoken SET revoked_at = now()",
    "UPDATE accounts_apitoken SET expires_at = '2001-02-03'",
    "DELETE FROM accounts_apitoken",
    "TRUNCATE accounts_user CASCADE",
    pytest.param(comes_back("auth_group", "name = 'sellers'", "name = 'other'"), id="group comes back"),
    pytest.param(comes_back("accounts_user", "username = 'sam'", "is_active = false"), id="user comes back"),
    bulk_update,
    move_membership,
    lambda token: User.objects.update(is_active=False),
    lambda token: Through.objects.bulk_create([Through(user=token.user, group=operators())]),
    lambda token: Through.objects.create(user=token.user, group=operators()),
    lambda token: Group.objects.get(name=Role.SELLER).user_set.clear(),
    lambda token: Group.objects.get(name=Role.SELLER).delete(),
    lambda token: Group.objects.filter(name=Role.SELLER).update(name="former sellers"),
    lambda token: ApiToken.objects.update(user=UserFactory(username="other")),
])  # fmt: skip
def test_a_write_is_known_after_the_relays_next_step(
    write: "str | Callable[[ApiToken], Any]", token: ApiToken, stepped_relay: SteppedRelay
) -> None:
    before = shown()
    with transaction.atomic():
        sql(write) if isinstance(write, str) else write(token)
    assert stored() != before, "it changes what is shown"
    step(stepped_relay)
    assert shown() == stored()


def test_what_nobody_is_shown_touches_nothing(token: ApiToken) -> None:
    sql("UPDATE accounts_user SET last_login = now(), date_joined = now()")
    sql("UPDATE auth_group SET name = name")
    sql("UPDATE accounts_user SET is_active = is_active")
    assert backlog() == 0


# -- Writers that don't see each other --------------------------------------------------------------------


@contextmanager
def rewritten(line: str, instead: str) -> Iterator[None]:
    """The triggers' functions with one piece of them replaced."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT pg_get_functiondef(tgfoid) FROM pg_trigger"
            " WHERE NOT tgisinternal AND strpos(pg_get_functiondef(tgfoid), %s) > 0", [line]
        )  # fmt: skip
        functions = [text for (text,) in cursor.fetchall()]
        assert functions, f"no function has {line!r}"
        try:
            for text in functions:
                cursor.execute(text.replace(line, instead))
            yield
        finally:
            for text in functions:
                cursor.execute(text)


#: A new row's owner is not locked.
unlocked = partial(rewritten, "WHERE id = NEW.user_id FOR SHARE", "WHERE false")
#: Whoever has an old snapshot logs no more than what it sees.
trusting = partial(rewritten, "<> 'read committed'", "= 'never'")


def in_a_snapshot(write: str) -> None:
    """A transaction that sees what was there when it began, and nothing since."""
    with transaction.atomic():
        sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        sql("SELECT 1 AS snapshot FROM accounts_user LIMIT 1")
        sql(write)


@needs(log_of_everything=trusting)
@pytest.mark.parametrize("write", [
    "UPDATE accounts_user SET is_active = false",
    "DELETE FROM accounts_user_groups",
])  # fmt: skip
def test_a_token_that_its_users_writer_can_not_see_is_true_all_the_same(
    write: str, token: ApiToken, stepped_relay: SteppedRelay
) -> None:
    stepped_relay.settle()  # it may have found a trigger altered
    with Paused(lambda: in_a_snapshot(write), after="AS snapshot") as writer:
        token_issue(user=token.user, name="unseen", key="unseen")
        assert shown("unseen")["user"]["is_active"]
        assert writer.go_on() is None
    step(stepped_relay)
    assert shown("unseen") == stored("unseen")
    assert (stored("unseen")["user"]["is_active"], stored("unseen")["user"]["roles"]) != (True, ["sellers"])


def test_a_member_whom_the_groups_writer_can_not_see_loses_the_role_all_the_same(
    token: ApiToken, sellers: Group, stepped_relay: SteppedRelay
) -> None:
    """In the writer's eyes the group has no member at all."""
    token.user.groups.clear()
    write = f"UPDATE auth_group SET name = 'former sellers' WHERE id = {sellers.pk}"
    with Paused(lambda: in_a_snapshot(write), after="AS snapshot") as writer:
        token.user.groups.add(sellers)
        assert shown()["user"]["roles"] == ["sellers"]
        assert writer.go_on() is None
    step(stepped_relay)
    assert stored()["user"]["roles"] == []
    assert shown() == stored()


@needs(owner_lock=unlocked)
@pytest.mark.parametrize("write", [
    "UPDATE accounts_user SET is_active = false",
    "DELETE FROM accounts_user_groups",
    "UPDATE auth_group SET name = 'former sellers' WHERE name = 'sellers'",
])  # fmt: skip
def test_a_token_that_is_issued_while_its_user_is_written_waits(
    write: str, token: ApiToken, stepped_relay: SteppedRelay
) -> None:
    """Else it would be rendered with what the user was, and nobody would touch it again."""
    stepped_relay.settle()  # it may have found a trigger altered

    def change() -> None:
        with transaction.atomic():
            sql(write)
            sql("SELECT 1 AS written")

    with Paused(change, after="AS written") as writer:
        issued = in_background(lambda: token_issue(user=token.user, name="new", key="new"))
        until(lambda: somebody_waits_for_a_lock() or issued.done())
        assert writer.go_on() is None
    issued.result()
    step(stepped_relay)
    assert shown("new") == stored("new")
    assert (stored("new")["user"]["is_active"], stored("new")["user"]["roles"]) != (True, ["sellers"])


def test_a_member_added_while_the_group_is_renamed_has_its_new_name(
    token: ApiToken, sellers: Group, stepped_relay: SteppedRelay
) -> None:
    """The foreign key's check at COMMIT waits for the other."""
    token.user.groups.clear()

    def rename() -> None:
        with transaction.atomic():
            sql(f"UPDATE auth_group SET name = 'former sellers' WHERE id = {sellers.pk}")
            sql("SELECT 1 AS written")

    with Paused(rename, after="AS written") as writer:
        added = in_background(lambda: token.user.groups.add(sellers))
        until(somebody_waits_for_a_lock)
        assert writer.go_on() is None
    added.result()
    step(stepped_relay)
    assert stored()["user"]["roles"] == []
    assert shown() == stored()


def test_a_session_that_is_saved_while_its_user_loses_a_role_is_no_deadlock(
    token: ApiToken, stepped_relay: SteppedRelay
) -> None:
    """As the admin saves a user's page: first the user, of whom nothing that is shown has changed, then the
    roles. The session's save has locked its own row by then, and waits for the user."""
    session = SessionStore()
    session["_auth_user_id"] = str(token.user.pk)
    session.create()

    def take_role() -> None:
        with transaction.atomic():
            token.user.save()
            token.user.groups.set([])

    with Paused(take_role, after='UPDATE "accounts_user"') as writer:
        saved = in_background(session.save)
        until(lambda: somebody_waits_for_a_lock() or saved.done())
        assert writer.go_on() is None
    assert saved.result() is None
    step(stepped_relay)
    assert shown()["user"]["roles"] == []
