"""Layer 1, write-through on save: what was committed is in the caches before its writer goes on.

The only receivers in the project; they are connected to the models that a cache declares. Nothing here is
needed for truth: what is missed (``update()``, bulk, psql, a crash, a Redis that does not answer) is found
in the change log by the relay.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import ModelSignal, m2m_changed, post_delete, post_save, pre_delete

from caching.declared import Declared, caches_of
from caching.dependencies import Dependency
from caching.redis import CacheUnavailable, breaker, is_enabled

log = structlog.get_logger(__name__)

Versions = dict[str, int]
_PENDING = "_caching_pending"


def connect() -> None:
    """Connect the receivers to each model that has a cache."""
    for model in {cache.model for cache in Declared.registry}:
        uid = f"caching.{model._meta.label}"
        post_save.connect(_changed, sender=model, dispatch_uid=f"{uid}.save")
        post_delete.connect(_changed, sender=model, dispatch_uid=f"{uid}.delete")
    for cache in Declared.registry:
        for dependency in cache.depends_on:
            model = dependency.model._meta.concrete_model or dependency.model
            uid = f"caching.{cache.name}.{model._meta.label}"
            touch = partial(_dependency_changed, cache, dependency)
            post_save.connect(touch, sender=model, dispatch_uid=f"{uid}.save", weak=False)
            pre_delete.connect(touch, sender=model, dispatch_uid=f"{uid}.delete", weak=False)
            for field in model._meta.many_to_many:
                m2m_changed.connect(
                    partial(_set_changed, touch, model, field.name),
                    sender=getattr(model, field.name).through,
                    dispatch_uid=f"{uid}.{field.name}",
                    weak=False,
                )


def _changed(sender: type[Model], instance: Model, signal: ModelSignal, **_kwargs: Any) -> None:
    """Remember the row until its transaction commits.

    Each save registers a call of its own, for one registered in a savepoint goes with the savepoint. The
    first that runs writes through for all; a row whose savepoint was rolled back is read again for nothing.
    """
    # The connection itself: django.db.connection is a proxy, one for all threads, and keeps what it is given.
    pending: dict[type[Model], Versions] = vars(transaction.get_connection()).setdefault(_PENDING, {})
    # What was not loaded of a row that is gone can't be had any more: that row is left to the relay.
    missing = instance.get_deferred_fields() if signal is post_delete else set()
    version = 0 if "version" in missing else getattr(instance, "version", 0)
    for cache in caches_of(sender):
        if cache.key not in missing:
            versions = pending.setdefault(sender, {})
            versions[getattr(instance, cache.key)] = version if isinstance(version, int) else 0
    # No partial: Django names a robust callback in its log by __qualname__, and raises if it has none.
    transaction.on_commit(lambda: _flush(pending), robust=True)


def _dependency_changed(
    cache: Declared[Any], dependency: Dependency, instance: Model, signal: Any = None, **_kwargs: Any
) -> None:
    """A row is saved that rows of the cache depend on: find and put them when its transaction commits. Of one
    that is about to be deleted they are found now; those that go with it are no longer there to be put."""
    if not is_enabled() or breaker.is_open:
        return
    found = cache.model._default_manager.filter(dependency.rows_of(instance))
    rows = found.values_list(cache.key, "version")
    known = dict(rows) if signal is pre_delete else None

    def put_all() -> None:
        _write_through(cache, dict(rows) if known is None else known)

    transaction.on_commit(put_all, robust=True)


def _set_changed(
    touch: Callable[..., None],
    owner: type[Model],
    field: str,
    instance: Model,
    action: str,
    model: type[Model],
    pk_set: set[Any] | None,
    **_kwargs: Any,
) -> None:
    """A many-to-many set was changed, from either side: its owners are what rows depend on. Only before all
    of them are taken away from the other side is it known who they are."""
    if isinstance(instance, owner):
        owners: Iterable[Model] = [instance] if action.startswith("post_") else []
    elif action == "pre_clear":
        owners = owner._default_manager.filter(**{field: instance})
    else:
        owners = model._default_manager.filter(pk__in=pk_set or ()) if action.startswith("post_") else []
    for one in owners:
        touch(instance=one)


def _write_through(cache: Declared[Any], versions: Versions) -> None:
    try:
        cache.write_through(versions)
    except CacheUnavailable as trouble:
        log.info("write_through_left_to_relay", cache=cache.name, why=str(trouble))


def _flush(pending: dict[type[Model], Versions]) -> None:
    """Read the committed rows, not what the signals brought, and put them."""
    if not pending:
        return
    changed = dict(pending)
    pending.clear()
    if not is_enabled() or breaker.is_open:
        return
    for model, versions in changed.items():
        for cache in caches_of(model):
            _write_through(cache, versions)
