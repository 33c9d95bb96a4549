"""Is a session known without SQL, does it end when it has to, and does its user behave like any other?"""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings as django_settings
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.base import CreateError
from django.db import connection, transaction
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accounts import tasks
from accounts.caches import SESSIONS
from accounts.models import Session, User
from accounts.roles import Role
from accounts.sessions import SessionStore
from caching import entity
from caching.redis import relay_connection
from tests.caching import safeguards
from tests.caching.relays import LONG_FENCE, SteppedRelay, stepped
from tests.caching.sabotage import attribute, needs
from tests.caching.servers import Valkey, caches_at
from tests.desks import desk
from tests.threads import Paused, until

API, PAGE, OUT = "/api/v1/mes/orders/", "/admin/board/live/", "/admin/logout/"
PASSWORD, NEW = "gold and silver", "silver and gold"
HIT = "session; hit"
LONG_AGO = datetime(2001, 2, 3, tzinfo=UTC)


@pytest.fixture
def olga(olga: User, settings: Settings) -> User:
    """The operator, with a password that is quickly checked."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    olga.set_password(PASSWORD)
    olga.save()
    return olga


@pytest.fixture
def browser(stepped_relay: SteppedRelay, olga: User) -> Client:
    """Olga's browser, and the cache knows its session."""
    browser = desk(olga)
    stepped_relay.run_pass()
    assert ask(browser) == (200, 0)
    return browser


def sql(text: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, params)


def ask(browser: Client, url: str = API) -> tuple[int, int]:
    """What the browser is answered, and how many statements that took."""
    with CaptureQueriesContext(connection) as queries:
        answer = browser.get(url)
    return answer.status_code, len(queries)


def key_of(browser: Client) -> str:
    """What the browser's cookie says."""
    return str(browser.cookies[django_settings.SESSION_COOKIE_NAME].value)


def another_with(key: str) -> Client:
    """A browser that has the same cookie."""
    browser = Client()
    browser.cookies[django_settings.SESSION_COOKIE_NAME] = key
    return browser


def read(key: str) -> entity.Found:
    return SESSIONS.read(SessionStore._digest(key))


def row_of(key: str) -> str:
    """Where the session lies in Redis."""
    digest = SessionStore._digest(key)
    return SESSIONS.partition_of(digest).key(f"row:{digest}")


def test_a_known_session_costs_no_statement(browser: Client) -> None:
    assert browser.get(PAGE).status_code == 200
    assert ask(browser, PAGE) == ask(browser) == (200, 0)


def test_neither_server_holds_the_cookies_value_or_the_password(browser: Client, olga: User) -> None:
    key, redis = key_of(browser), relay_connection()
    names = list(redis.scan_iter())
    rows = [redis.hgetall(name) for name in names if redis.type(name) == b"hash"]
    held = repr((names, rows, list(Session.objects.values())))
    assert SessionStore._digest(key) in held, "it is the right place to look"
    for secret in (key, olga.password, olga.password.split("$")[-1], PASSWORD):
        assert secret not in held


def test_a_cookie_that_is_unknown_leaves_nothing_in_redis(browser: Client) -> None:
    names = set(relay_connection().scan_iter("*accounts.*:row:*"))
    assert ask(another_with("g" * 32)) == (401, 1)
    assert set(relay_connection().scan_iter("*accounts.*:row:*")) == names


def test_what_a_session_holds_is_known_at_once(browser: Client) -> None:
    session = SessionStore(key_of(browser))
    session["basket"] = 3
    session.save()
    with CaptureQueriesContext(connection) as queries:
        assert SessionStore(key_of(browser))["basket"] == 3
    assert len(queries) == 0


# -- Ends -------------------------------------------------------------------------------------------------


def deactivate(olga: User) -> None:
    olga.is_active = False
    olga.save()


def change_password(olga: User) -> None:
    olga.set_password(NEW)
    olga.save()


@pytest.mark.parametrize(("expected", "write"), [
    (401, deactivate),
    (401, change_password),
    (401, lambda olga: olga.delete()),
    (401, lambda olga: olga.sessions.all().delete()),
    (403, lambda olga: olga.groups.clear()),
    (403, lambda _olga: Group.objects.get(name=Role.OPERATOR).user_set.set([])),
], ids=["deactivated", "password changed", "deleted", "sessions deleted", "clear", "user_set"])  # fmt: skip
def test_what_the_product_takes_away_is_gone_at_once(
    expected: int, write: Callable[[User], Any], browser: Client, olga: User
) -> None:
    write(olga)
    assert ask(browser)[0] == expected


@pytest.mark.parametrize(("expected", "text"), [
    (401, "UPDATE accounts_user SET is_active = false"),
    (401, "UPDATE accounts_user SET password = 'another'"),
    (401, "DELETE FROM accounts_session"),
    (401, "TRUNCATE accounts_session"),
    (401, "UPDATE accounts_session SET expire_date = now()"),
    (403, "DELETE FROM accounts_user_groups"),
    (403, "TRUNCATE accounts_user_groups"),
])  # fmt: skip
def test_what_psql_takes_away_is_gone_after_the_relays_next_step(
    expected: int, text: str, browser: Client, stepped_relay: SteppedRelay
) -> None:
    sql(text)
    assert ask(browser) == (200, 0), "nobody has told the cache yet"
    while stepped_relay.run_pass():
        pass
    assert ask(browser)[0] == expected


def test_somebody_inactive_is_nobody(browser: Client, olga: User) -> None:
    deactivate(olga)
    assert browser.get("/admin/login/").context["user"].is_anonymous


def test_who_changes_the_password_stays_and_every_other_session_ends(browser: Client, olga: User) -> None:
    other = desk(olga)
    assert ask(other) == (200, 0)
    form = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert browser.post("/admin/password_change/", form).status_code == 302
    assert (ask(browser), ask(other)[0]) == ((200, 0), 401)
    assert not Session.objects.filter(session_key=SessionStore._digest(key_of(other))).exists()


def test_who_logs_out_is_out_and_redis_remembers_it(browser: Client) -> None:
    key = key_of(browser)
    assert browser.post(OUT).status_code in (200, 302)
    assert ask(another_with(key)) == (401, 0)
    assert (read(key).payload, read(key).status) == (None, HIT)
    assert relay_connection().hget(row_of(key), "p") is None


@needs(versions=safeguards.versions)
def test_who_read_the_session_before_the_logout_does_not_bring_it_back(browser: Client) -> None:
    key = key_of(browser)
    digest = SessionStore._digest(key)
    with Paused(lambda: SESSIONS.write_through({digest: 0}), after='FROM "accounts_session"') as reader:
        browser.post(OUT)
        reader.go_on()
    assert ask(another_with(key)) == (401, 0)


def test_a_redis_that_is_set_back_to_an_old_dump_brings_no_session_back(
    transactional_db: None, olga: User, settings: Settings
) -> None:
    settings.CACHE_FENCE_SECONDS = LONG_FENCE
    with Valkey() as valkey, caches_at(valkey.url), stepped() as relay:
        browser = desk(olga)
        relay.settle()
        valkey.dump()
        key = key_of(browser)
        browser.post(OUT)
        valkey.kill()
        valkey.start()
        assert valkey.client.hget(row_of(key), "p"), "the dump has it"
        relay.settle()
        assert ask(another_with(key))[0] == 401
        assert ask(desk(olga)) == (200, 0)


def test_a_session_is_over_when_its_time_is_though_nobody_writes(browser: Client) -> None:
    key = key_of(browser)
    session = SessionStore(key)
    session.set_expiry(1)
    session.save()
    known = read(key)
    ends = json.loads(known.payload or b"")["expires_at"]
    until(lambda: time.time() > ends)
    assert ask(browser) == (401, 0)
    assert read(key).version == known.version
    assert tasks.end_old_sessions() == 1
    assert (read(key).payload, read(key).status) == (None, HIT)


@needs(signatures=attribute(entity, "verified", lambda _name, signed: signed[32:]))
def test_the_session_of_another_is_not_believed(browser: Client, anna: User) -> None:
    mine, stolen = key_of(browser), key_of(desk(anna))
    relay_connection().hset(row_of(mine), mapping=relay_connection().hgetall(row_of(stolen)))
    assert read(mine).status == "session; fwd=bypass; detail=forged"
    assert browser.get("/admin/board/").context["user"].username == "olga"


@pytest.mark.parametrize(("trouble", "detail"), [
    (lambda: override_settings(CACHE_ENABLED=False), "off"),
    (lambda: override_settings(CACHES=django_settings.CACHES), "no-fence"),
], ids=["switched off", "no fence"])  # fmt: skip
def test_without_the_cache_postgresql_gives_the_same_answers(
    trouble: Callable[[], AbstractContextManager[None]], detail: str, browser: Client, olga: User
) -> None:
    if detail == "no-fence":
        relay_connection().unlink(*(partition.key("fence") for partition in SESSIONS.partitions))
    with trouble():
        assert ask(browser)[0] == 200
        assert read(key_of(browser)).status == f"session; fwd=bypass; detail={detail}"
        sql("DELETE FROM accounts_user_groups")
        assert ask(browser)[0] == 403
        sql("UPDATE accounts_user SET is_active = false")
        assert ask(browser)[0] == 401


def test_a_session_of_somebody_who_is_gone_is_refused_and_not_tried_for_ever(
    transactional_db: None, olga: User
) -> None:
    """Django takes any IntegrityError for a key that is taken, and tries another."""
    session = SessionStore()
    session["_auth_user_id"] = str(olga.pk)
    olga.delete()
    with pytest.raises(CreateError):
        session.cycle_key()


def test_the_asynchronous_store_is_the_same(browser: Client) -> None:
    session = SessionStore(key_of(browser))
    data = async_to_sync(session.aload)()
    assert data["_auth_user_id"] == session.load()["_auth_user_id"]
    assert async_to_sync(session.aexists)(key_of(browser))
    session["more"] = 1
    async_to_sync(session.asave)()
    assert Session.objects.get().get_decoded()["more"] == 1
    assert key_of(browser) not in set(Session.objects.values_list("pk", flat=True))
    async_to_sync(session.adelete)(key_of(browser))
    assert not Session.objects.exists()


def test_old_sessions_end_a_few_at_a_time_but_for_those_in_use(
    browser: Client, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "BATCH", 2)
    own = Session.objects.get()
    for number in range(5):
        Session.objects.create(session_key=f"{number}", user=olga, expire_date=LONG_AGO)

    def touch() -> None:
        with transaction.atomic():
            sql("UPDATE accounts_session SET session_data = '' WHERE session_key = '1'")
            sql("SELECT 1 AS written")

    with Paused(touch, after="AS written") as writer:
        assert tasks.end_old_sessions() == 4
        assert writer.go_on() is None
    assert tasks.end_old_sessions() == 1
    assert Session.objects.get() == own
