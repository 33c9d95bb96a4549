"""Is a cache that shows other tables' columns refused where nothing would tell it of their changes?"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pgtrigger
import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured

from accounts import principals
from accounts.caches import SESSIONS, TOKENS
from accounts.models import ApiToken, GroupName, Membership, User
from caching.checks import check_declared_caches
from caching.declared import Declared
from caching.dependencies import Dependency
from caching.entity import EntityCache
from caching.status import status
from caching.touching import TouchTrigger
from caching.triggers import verify_triggers
from tests.caching.relays import SteppedRelay


def declared_faults() -> list[str]:
    errors = check_declared_caches()
    assert all(error.hint and error.msg for error in errors)
    return [str(error.id).removeprefix("caching.") for error in errors]


def declare(**change: Any) -> None:
    good: dict[str, Any] = {
        "name": "test.tokens", "status_name": "test-token", "model": ApiToken, "key": "digest",
        "render": TOKENS.render, "columns": TOKENS.columns, "annotations": principals.annotations,
        "depends_on": principals.DEPENDS_ON, "owner": "user_id", "ttl": lambda: 60,
    }  # fmt: skip
    EntityCache(**(good | change))


@pytest.mark.parametrize(("change", "expected"), [
    ({}, []),
    ({"depends_on": ()}, ["E010"]),
    ({"depends_on": (), "annotations": dict, "columns": ("digest", "user__username")}, ["E010"]),
    ({"depends_on": (), "columns": ("digest", "version")}, ["E010"]),  # annotations are joined too
    ({"depends_on": (), "annotations": dict, "columns": ("digest", "version")}, []),
    ({"depends_on": (*principals.DEPENDS_ON, Dependency(Group, lambda group: group))}, ["E011"]),
    ({"depends_on": (Dependency(ApiToken, lambda token: token),)}, ["E011"]),
])  # fmt: skip
def test_what_a_cache_depends_on_is_declared(
    change: dict[str, Any], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Declared, "registry", [])
    declare(**change)
    assert declared_faults() == expected


def test_a_table_whose_new_rows_do_not_lock_their_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [trigger for trigger in ApiToken._meta.triggers if trigger.name != "owner_lock"]
    monkeypatch.setattr(ApiToken._meta, "triggers", kept)
    assert declared_faults() == ["E012"]


@pytest.mark.parametrize("model", [User, Membership, GroupName])
def test_a_table_that_touches_nothing(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [trigger for trigger in model._meta.triggers if not isinstance(trigger, TouchTrigger)]
    monkeypatch.setattr(model._meta, "triggers", kept)
    assert declared_faults() == ["E011", "E011"], "for tokens, and for sessions"


TOUCHES = [
    (model, trigger)
    for model, trigger in pgtrigger.registered()
    if model in {User, Membership, GroupName} or trigger.name == "owner_lock"
]


@contextmanager
def missing(model: Any, trigger: Any) -> Iterator[None]:
    trigger.uninstall(model)
    try:
        yield
    finally:
        trigger.install(model)


@contextmanager
def disabled(model: Any, trigger: Any) -> Iterator[None]:
    trigger.disable(model)
    try:
        yield
    finally:
        trigger.enable(model)


@pytest.mark.parametrize(("fault", "said"), [(missing, "UNINSTALLED"), (disabled, "DISABLED")])
@pytest.mark.parametrize(("model", "trigger"), TOUCHES, ids=[f"{m.__name__}.{t.name}" for m, t in TOUCHES])
def test_a_touch_that_would_not_come_is_noticed(
    fault: Callable[[Any, Any], AbstractContextManager[None]],
    said: str,
    model: Any,
    trigger: Any,
    transactional_db: None,
) -> None:
    tables = {*TOKENS.models, *SESSIONS.models}
    verify_triggers(tables)
    expected = f"{trigger.name!r} of {model._meta.db_table} is {said}"
    with fault(model, trigger), pytest.raises(ImproperlyConfigured, match=expected):
        verify_triggers(tables)


def test_a_relay_without_its_touches_withholds_what_they_keep_true_and_says_which(
    stepped_relay: SteppedRelay,
) -> None:
    model, trigger = next(touch for touch in TOUCHES if touch[0] is Membership)
    with disabled(model, trigger):
        stepped_relay.renew()
        said = {one.cache: one.trouble for one in status().partitions}
    assert {name for name, trouble in said.items() if trouble} == {TOKENS.name, SESSIONS.name}
    assert "of accounts_user_groups is DISABLED: run `manage.py migrate`" in said[TOKENS.name]
