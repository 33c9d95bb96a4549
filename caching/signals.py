"""Layer 1, write-through on save: what was committed is in the caches before its writer goes on.

The only receivers in the project; they are connected to the models that a cache declares. Nothing here is
needed for truth: what is missed (``update()``, bulk, psql, a crash, a Redis that does not answer) is found
in the change log by the relay.
"""

from typing import Any

import structlog
from django.db import transaction
from django.db.models import Model
from django.db.models.signals import ModelSignal, post_delete, post_save

from caching.declared import Declared, caches_of
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
            try:
                cache.write_through(versions)
            except CacheUnavailable as trouble:
                log.info("write_through_left_to_relay", cache=cache.name, why=str(trouble))
