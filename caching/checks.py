"""Is every cache declared so that it can be kept true? Asked by ``manage.py check``, before anything runs."""

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db.models import BigIntegerField, Field
from django.db.models.constants import LOOKUP_SEP

from caching.board import BoardCache
from caching.declared import Declared
from caching.entity import EntityCache
from caching.facets import MOST_VALUES
from caching.partition import PUT_DEADLINE_US
from caching.touching import OwnerLock, TouchTrigger
from caching.triggers import LogTrigger, cached_table


@register(Tags.caches)
def check_declared_caches(**_kwargs: Any) -> list[CheckMessage]:
    """One error with id and hint for each fault of a declaration."""
    names = [cache.name for cache in Declared.registry]
    errors: list[CheckMessage] = [
        Error(f"Two caches are named {name!r}.", hint="Give each its own name.", id="caching.E001")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    for cache in Declared.registry:
        errors.extend(_faults(cache))
    return errors


def _faults(cache: Declared[Any]) -> Iterator[CheckMessage]:
    key = _field(cache, cache.key)
    if key is None or not key.unique or key.null:
        yield Error(
            f"{cache.name}: {cache.key!r} is no unique column of {cache.model._meta.label}.",
            hint="A cache knows a row by one unique, non-null column that never changes.",
            id="caching.E002",
        )
    if not isinstance(_field(cache, "version"), BigIntegerField):
        yield Error(
            f"{cache.name}: {cache.model._meta.label} has no bigint column 'version'.",
            hint="Add `version = caching.triggers.version_field()`.",
            id="caching.E003",
        )
    state = cache.keep_facet if isinstance(cache, BoardCache) else None
    if not _has_triggers(cache, state):
        yield Error(
            f"{cache.name}: {cache.model._meta.label} lacks triggers that log its changes under this key"
            f"{f' and count them by {state!r}' if state else ''}.",
            hint=f"Put `triggers = cached_table(key={cache.key!r}{f', state={state!r}' if state else ''})`"
            " into its Meta.",
            id="caching.E004",
        )
    yield from _dependency_faults(cache)
    if isinstance(cache, EntityCache):
        yield from _entity_faults(cache)
    if isinstance(cache, BoardCache):
        yield from _board_faults(cache)


def _dependency_faults(cache: Declared[Any]) -> Iterator[CheckMessage]:
    """What ``depends_on`` promises, triggers must keep: see ``caching.touching``."""
    table = cache.model._meta.db_table
    joined = [name for name in cache.columns if LOOKUP_SEP in name] or cache.annotations()
    if joined and not cache.depends_on:
        yield Error(
            f"{cache.name}: shows columns of other tables ({', '.join(joined)}), and depends on none.",
            hint="Name each such table's model in `depends_on`.",
            id="caching.E010",
        )
    for dependency in cache.depends_on:
        triggers = getattr(dependency.model._meta, "triggers", [])
        touched = [trigger for trigger in triggers if isinstance(trigger, TouchTrigger)]
        if not any(table == name for trigger in touched for name, _column in trigger.touched.rows):
            yield Error(
                f"{cache.name}: {dependency.model._meta.label} has no trigger that touches {table}.",
                hint="Put `caching.touching.TouchTrigger` into its Meta.triggers, naming that table.",
                id="caching.E011",
            )
    own = getattr(cache.model._meta, "triggers", [])
    if cache.depends_on and not any(isinstance(trigger, OwnerLock) for trigger in own):
        yield Error(
            f"{cache.name}: a new row of {table} may point to an owner that is being changed.",
            hint="Put `caching.touching.OwnerLock` into the Meta.triggers of the cached model.",
            id="caching.E012",
        )


def _entity_faults(cache: EntityCache[Any]) -> Iterator[CheckMessage]:
    if _field(cache, cache.owner) is None:
        yield Error(
            f"{cache.name}: no column {cache.owner!r} says who may see a row.",
            hint="Name the foreign key's column, such as 'client_id'.",
            id="caching.E005",
        )
    if cache.ttl() * 1_000_000 <= 2 * PUT_DEADLINE_US:
        yield Error(
            f"{cache.name}: a time to live of {cache.ttl()} s is too short.",
            hint="A row must outlive the deadline of a put (5 s) by far: 60 s or more.",
            id="caching.E006",
        )


def _board_faults(cache: BoardCache[Any]) -> Iterator[CheckMessage]:
    position = _field(cache, cache.position)
    if not isinstance(position, BigIntegerField) or not position.unique:
        yield Error(
            f"{cache.name}: {cache.position!r} is no unique bigint column.",
            hint="Rows are sorted and paged by it.",
            id="caching.E007",
        )
    missing = [facet for facet in cache.facets.values if _field(cache, facet) is None]
    values = cache.facets.values.get(cache.keep_facet, [])
    if missing or not set(cache.keep_values) <= set(values):
        yield Error(
            f"{cache.name}: facets {missing or cache.keep_facet} don't match the columns and their values.",
            hint="Facets are columns; keep_values are values of the facet keep_facet.",
            id="caching.E008",
        )
    if any(len(choices) > MOST_VALUES for choices in cache.facets.values.values()):
        yield Error(
            f"{cache.name}: a facet has more than {MOST_VALUES} values.",
            hint="A facet is for a handful of values, each one click away.",
            id="caching.E009",
        )


def _has_triggers(cache: Declared[Any], state: str | None) -> bool:
    """Whether each kind of write is logged, under the cache's key and, if one is given, this state."""
    triggers = getattr(cache.model._meta, "triggers", [])
    logs = [trigger for trigger in triggers if isinstance(trigger, LogTrigger)]
    names = {trigger.name for trigger in triggers}
    return (
        names >= {trigger.name for trigger in cached_table(key=cache.key, state=state or "")}
        and all(log.key == cache.key for log in logs)
        and all(state in (None, log.state) for log in logs)
    )


def _field(cache: Declared[Any], name: str) -> "Field[Any, Any] | None":
    """The field with this attribute: of a foreign key ``client`` that is ``client_id``, the value itself."""
    return next((field for field in cache.model._meta.concrete_fields if field.attname == name), None)
