"""Is an API token known without SQL, and does it open nothing a moment longer than PostgreSQL says?"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from accounts.caches import TOKENS
from accounts.models import ApiToken, User
from accounts.roles import Role
from accounts.services import token_issue, token_revoke
from caching import entity
from caching.redis import relay_connection
from caching.signing import sign
from tests.caching.relays import LONG_FENCE, SteppedRelay, stepped
from tests.caching.sabotage import attribute, needs
from tests.caching.servers import Valkey, caches_at
from tests.clients import ApiClient
from tests.factories import OrderFactory, UserFactory
from tests.threads import until

BOARD, SHOP = "/api/v1/mes/orders/", "/api/v1/shop/orders/"
KNOWN, FORGED = "api-token; hit", "api-token; fwd=bypass; detail=forged"
KEY, OTHER = "olgas-key", "ottos-key"


@pytest.fixture
def operators(transactional_db: None) -> Iterator[Group]:
    """The role's group of this test, which may be renamed and deleted: the one migrations made stays."""
    made = Group.objects.get(name=Role.OPERATOR)
    Group.objects.filter(pk=made.pk).update(name="kept")
    yield Group.objects.create(name=Role.OPERATOR)
    Group.user_set.through.objects.all().delete()
    Group.objects.filter(pk__gt=made.pk).exclude(name__in=Role).delete()
    Group.objects.filter(name=Role.OPERATOR).delete()
    Group.objects.filter(pk=made.pk).update(name=Role.OPERATOR)


@pytest.fixture
def token(stepped_relay: SteppedRelay, operators: Group, olga: User) -> ApiToken:
    """Olga's token, and the cache knows it."""
    made, _key = token_issue(user=olga, name="workshop", key=KEY)
    stepped_relay.run_pass()
    assert ask() == (200, 0)
    return made


def ask(key: str = KEY, url: str = BOARD) -> tuple[int, int]:
    """What a request with this key is answered, and how many statements that took."""
    with CaptureQueriesContext(connection) as queries:
        answer = ApiClient(key=key).get(url)
    return answer.status_code, len(queries)


def shown(key: str = KEY) -> Any:
    """What the cache, and not PostgreSQL, says of the token; None: that there is none."""
    found = TOKENS.read(ApiToken.digest_of(key))
    assert found.status == KNOWN
    return found.payload and json.loads(found.payload)


def row_of(key: str) -> str:
    """Where the token lies in Redis."""
    digest = ApiToken.digest_of(key)
    return TOKENS.partition_of(digest).key(f"row:{digest}")


def in_redis() -> bytes:
    """What Redis holds for accounts: names and values."""
    redis, names = relay_connection(), sorted(relay_connection().scan_iter("*accounts.*:row:*"))
    return repr([(name, redis.type(name) == b"hash" and redis.hgetall(name)) for name in names]).encode()


def test_a_known_token_costs_no_statement(token: ApiToken, alice: User) -> None:
    order = OrderFactory(client=alice)
    token_issue(user=alice, name="laptop", key="alices-key")
    assert ask() == (200, 0)
    assert ask("alices-key", f"{SHOP}{order.number}/") == (200, 0)


def test_a_token_that_redis_has_lost_is_asked_for_once(token: ApiToken) -> None:
    relay_connection().unlink(row_of(KEY))
    assert ask() == (200, 1)
    assert ask() == (200, 0)


def test_redis_holds_no_key_and_no_password(token: ApiToken, olga: User) -> None:
    olga.set_password("gold and silver")
    olga.save()
    _token, key = token_issue(user=olga, name="another")
    assert shown(key)["user"]["id"] == olga.pk
    held = in_redis()
    assert b'"olga"' in held, "it is the right place to look"
    for secret in (key, key[:20], KEY, olga.password, olga.password.split("$")[-1], "gold and silver"):
        assert secret.encode() not in held


def test_a_key_that_is_unknown_leaves_nothing_in_redis(token: ApiToken) -> None:
    held = in_redis()
    assert [ask("guessed"), ask("guessed")] == [(401, 1), (401, 1)]
    assert in_redis() == held


def test_a_key_that_was_unknown_a_moment_ago_works_once_it_is_issued(token: ApiToken, olga: User) -> None:
    assert ask("guessed") == (401, 1)
    token_issue(user=olga, name="guessed", key="guessed")
    assert ask("guessed") == (200, 0)


# -- Written by the product: known at once, before any relay ----------------------------------------------


def deactivate(token: ApiToken, group: Group) -> None:
    token.user.is_active = False
    token.user.save()


def rename(token: ApiToken, group: Group) -> None:
    group.name = "former operators"
    group.save()


@pytest.mark.parametrize(("expected", "write"), [
    pytest.param(401, lambda token, _group: token_revoke(token=token), id="revoked"),
    pytest.param(401, lambda token, _group: token.delete(), id="deleted"),
    pytest.param(401, lambda _token, _group: ApiToken.objects.all().delete(), id="all deleted"),
    pytest.param(401, deactivate, id="user deactivated"),
    pytest.param(401, lambda token, _group: token.user.delete(), id="user deleted"),
    pytest.param(403, lambda token, group: token.user.groups.remove(group), id="groups.remove"),
    pytest.param(403, lambda token, _group: token.user.groups.set([]), id="groups.set"),
    pytest.param(403, lambda token, _group: token.user.groups.set([], clear=True), id="groups.set cleared"),
    pytest.param(403, lambda token, _group: token.user.groups.clear(), id="groups.clear"),
    pytest.param(403, lambda token, group: group.user_set.remove(token.user), id="user_set.remove"),
    pytest.param(403, lambda _token, group: group.user_set.set([]), id="user_set.set"),
    pytest.param(403, lambda _token, group: group.user_set.clear(), id="user_set.clear"),
    pytest.param(403, lambda _token, group: group.user_set.set([], clear=True), id="user_set.set cleared"),
    pytest.param(403, lambda _token, group: group.delete(), id="group deleted"),
    pytest.param(403, lambda _t, group: Group.objects.filter(pk=group.pk).delete(), id="groups deleted"),
    pytest.param(403, rename, id="group renamed"),
])  # fmt: skip
def test_what_the_product_takes_away_is_gone_at_once(
    expected: int, write: Callable[[ApiToken, Group], Any], token: ApiToken, operators: Group
) -> None:
    write(token, operators)
    assert ask() == (expected, 0)


@pytest.mark.parametrize("give", [
    lambda otto, group: otto.groups.add(group),
    lambda otto, group: otto.groups.set([group]),
    lambda otto, group: group.user_set.add(otto),
    lambda otto, group: group.user_set.set([otto]),
], ids=["groups.add", "groups.set", "user_set.add", "user_set.set"])  # fmt: skip
def test_a_role_that_is_given_is_had_at_once(
    give: Callable[[User, Group], Any], stepped_relay: SteppedRelay, operators: Group
) -> None:
    otto = UserFactory(username="otto")
    token_issue(user=otto, name="workshop", key=OTHER)
    assert ask(OTHER) == (403, 0)
    give(otto, operators)
    assert ask(OTHER) == (200, 0)


def test_a_change_of_name_and_language_is_shown_at_once(token: ApiToken, olga: User) -> None:
    olga.last_name, olga.language = "Stein", "ru"
    olga.save()
    user = shown()["user"]
    assert (user["last_name"], user["language"]) == ("Stein", "ru")


def test_a_token_is_over_when_its_time_is_though_nobody_writes(
    stepped_relay: SteppedRelay, olga: User
) -> None:
    ends = timezone.now() + timedelta(seconds=0.2)
    token_issue(user=olga, name="short", expires_at=ends, key=KEY)
    version = TOKENS.read(ApiToken.digest_of(KEY)).version
    assert shown()["expires_at"] == ends.timestamp()
    until(lambda: time.time() > ends.timestamp())
    assert ask() == (401, 0)
    assert TOKENS.read(ApiToken.digest_of(KEY)).version == version


# -- Written to Redis by somebody who lacks the key -------------------------------------------------------

#: Signatures are not looked at.
unsigned = attribute(entity, "verified", lambda _name, signed: signed[32:])


@needs(signatures=unsigned)
def test_roles_that_were_added_in_redis_are_not_believed(token: ApiToken, olga: User) -> None:
    olga.groups.clear()
    assert ask() == (403, 0)
    stored = relay_connection().hget(row_of(KEY), "p")
    forged = stored.replace(b'"roles":[]', b'"roles":["operators"]')
    assert forged != stored
    relay_connection().hset(row_of(KEY), "p", forged)
    assert TOKENS.read(ApiToken.digest_of(KEY)).status == FORGED
    assert ask() == (403, 1)


@needs(signatures=unsigned)
@pytest.mark.parametrize("part", ["the whole row", "its payload"])
def test_the_row_of_another_token_is_not_believed(part: str, token: ApiToken, anna: User) -> None:
    token_issue(user=anna, name="admin", key=OTHER)
    names = ["o", "p", "v"] if part == "the whole row" else ["p"]
    stolen = dict(zip(names, relay_connection().hmget(row_of(OTHER), names), strict=True))
    relay_connection().hset(row_of(KEY), mapping=stolen)
    found = TOKENS.read(ApiToken.digest_of(KEY))
    assert found.status == FORGED
    assert json.loads(found.payload or b"")["user"]["username"] == "olga"


@needs(signatures=unsigned)
def test_a_row_under_a_key_of_the_forgers_own_is_not_believed(token: ApiToken) -> None:
    relay_connection().copy(row_of(KEY), row_of("guessed"))
    assert ask("guessed") == (401, 1)


@needs(signatures=unsigned)
def test_what_a_row_once_was_is_not_believed_under_its_new_version(token: ApiToken) -> None:
    once = relay_connection().hget(row_of(KEY), "p")
    token_revoke(token=token)
    relay_connection().hset(row_of(KEY), "p", once)
    assert ask() == (401, 1)
    assert TOKENS.read(ApiToken.digest_of(KEY)).status == FORGED


@needs(signatures=unsigned)
def test_what_another_secret_key_has_signed_is_not_believed(token: ApiToken) -> None:
    payload = json.dumps(shown() | {"user": shown()["user"] | {"id": 1, "roles": list(Role)}}).encode()
    version, owner = relay_connection().hmget(row_of(KEY), "v", "o")
    with override_settings(SECRET_KEY="of somebody else"):
        signed = sign(TOKENS._signed_name(ApiToken.digest_of(KEY), version, owner), payload)
    relay_connection().hset(row_of(KEY), "p", signed)
    assert TOKENS.read(ApiToken.digest_of(KEY)).status == FORGED


# -- Nobody vouches for the cache -------------------------------------------------------------------------


@contextmanager
def no_fence(valkey: Valkey) -> Iterator[None]:
    relay_connection().unlink(TOKENS.partitions[0].key("fence"))
    yield


@contextmanager
def stopped(valkey: Valkey) -> Iterator[None]:
    valkey.kill()
    yield


@pytest.mark.parametrize(("trouble", "detail"), [
    (no_fence, "no-fence"),
    (lambda _valkey: override_settings(CACHE_ENABLED=False), "off"),
    (stopped, "breaker"),
], ids=["no fence", "switched off", "stopped"])  # fmt: skip
def test_without_the_cache_postgresql_gives_the_same_answers(
    trouble: Callable[[Valkey], AbstractContextManager[None]],
    detail: str,
    transactional_db: None,
    settings: Settings,
) -> None:
    settings.CACHE_FENCE_SECONDS = LONG_FENCE
    olga, alice = UserFactory(role=Role.OPERATOR), UserFactory(role=Role.CLIENT)
    ends = timezone.now() + timedelta(hours=1)
    tokens = {key: token_issue(user=olga, name=key, key=key, expires_at=ends)[0] for key in ("good", "bad")}
    token_issue(user=alice, name="alice", key="client")
    keys = ["good", "client", "bad", "guessed"]
    with Valkey() as valkey, caches_at(valkey.url), stepped():
        token_revoke(token=tokens["bad"])
        assert [ask(key)[0] for key in keys] == [200, 403, 401, 401]
        assert [ask(key)[1] for key in keys] == [0, 0, 0, 1]
        with trouble(valkey):
            assert [ask(key)[0] for key in keys] == [200, 403, 401, 401]
            assert TOKENS.read(ApiToken.digest_of("good")).status.endswith(f"fwd=bypass; detail={detail}")
            ApiToken.objects.update(revoked_at=timezone.now())
            assert [ask(key)[0] for key in keys] == [401] * 4


def test_before_any_relay_has_begun_postgresql_is_asked(transactional_db: None, olga: User) -> None:
    token_issue(user=olga, name="workshop", key=KEY)
    found = TOKENS.read(ApiToken.digest_of(KEY))
    assert found.status == "api-token; fwd=bypass; detail=no-fence"
    assert ask()[0] == 200
    User.objects.update(is_active=False)
    assert ask()[0] == 401
