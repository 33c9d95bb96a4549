"""Does what the caches hold agree with PostgreSQL? Looked at twice, B apart: once may be too early."""

import random
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from prometheus_client import Gauge

from caching.board import BoardCache
from caching.declared import Declared
from caching.entity import EntityCache
from caching.redis import relay_connection

MISMATCHES = Gauge(
    "cache_audit_mismatches",
    "Rows of a cache that disagreed with PostgreSQL.",
    ["cache"],
    multiprocess_mode="mostrecent",
)
SAMPLE = 500
_SCAN = 1000


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A row whose version in the cache is not the one in PostgreSQL; None: it is not there."""

    cache: str
    key: str
    cached: int | None
    stored: int | None


def audit(cache: Declared[Any], *, everything: bool = False) -> tuple[int, list[Mismatch]]:
    """Compare rows by version, a sample unless ``everything``; (how many were looked at, what outlived B).

    Rows the board must hold and does not are looked for too. Where no fence stands nothing is a mismatch:
    nobody could hit it. Raises redis-py's errors.
    """
    keys = _keys_cached(cache) | _keys_to_be_kept(cache)
    if not everything and len(keys) > SAMPLE:
        keys = set(random.sample(sorted(keys), SAMPLE))
    found = _compare(cache, keys)
    if found:
        threading.Event().wait(settings.CACHE_FENCE_SECONDS)
        found = [
            mismatch
            for mismatch in _compare(cache, [mismatch.key for mismatch in found])
            if _is_trusted(cache, mismatch.key)
        ]
    MISMATCHES.labels(cache.name).set(len(found))
    return len(keys), found


def _is_trusted(cache: Declared[Any], key: str) -> bool:
    (partition,) = cache.partitions_of([key])
    return bool(relay_connection().exists(partition.key("fence")))


def _compare(cache: Declared[Any], keys: Iterable[str]) -> list[Mismatch]:
    keys = list(keys)
    mismatches: list[Mismatch] = []
    for start in range(0, len(keys), _SCAN):
        batch = keys[start : start + _SCAN]
        cached = _versions_cached(cache, batch)
        found = cache.model._default_manager.filter(**{f"{cache.key}__in": batch})
        stored = dict(found.values_list(cache.key, "version"))
        needed = _keys_to_be_kept(cache, batch)
        mismatches.extend(
            Mismatch(cache.name, key, cached.get(key), stored.get(key))
            for key in batch
            if cached.get(key) != stored.get(key) and (key in cached or key in needed)
        )
    return mismatches


def _keys_cached(cache: Declared[Any]) -> set[str]:
    """The keys of all rows that a read could hit."""
    redis: Any = relay_connection()
    if isinstance(cache, BoardCache):
        rows = cache.partition.key("rows")
        return {key.decode() for key, _payload in redis.hscan_iter(rows, count=_SCAN)}
    keys: set[str] = set()
    for partition in cache.partitions if isinstance(cache, EntityCache) else []:
        prefix = partition.key("row:")
        keys.update(key.decode().removeprefix(prefix) for key in redis.scan_iter(f"{prefix}*", count=_SCAN))
    return keys


def _keys_to_be_kept(cache: Declared[Any], among: Iterable[str] | None = None) -> set[str]:
    """The keys of rows that a board must hold; all, or those among the given ones."""
    if not isinstance(cache, BoardCache):
        return set()
    rows = cache.model._default_manager.filter(**{f"{cache.keep_facet}__in": list(cache.keep_values)})
    if among is not None:
        rows = rows.filter(**{f"{cache.key}__in": list(among)})
    return set(rows.values_list(cache.key, flat=True))


def _versions_cached(cache: Declared[Any], keys: list[str]) -> dict[str, int | None]:
    """The versions that a read would hit where a fence stands; None for a hit that there is no such row."""
    redis: Any = relay_connection()
    if isinstance(cache, BoardCache):
        found = redis.hmget(cache.partition.key("meta"), keys)
        parts = {key: meta.split(b":") for key, meta in zip(keys, found, strict=True) if meta}
        return {key: int(version) for key, (version, position, _views) in parts.items() if position}
    versions: dict[str, int | None] = {}
    assert isinstance(cache, EntityCache)  # noqa: S101 - there are two kinds
    epochs = {partition: redis.hget(partition.key("head"), "epoch") for partition in cache.partitions}
    for key in keys:
        partition = cache.partition_of(key)
        epoch, version, payload = redis.hmget(partition.key(f"row:{key}"), "e", "v", "p")
        if epoch is not None and epoch == epochs[partition]:
            # Known not to exist: as much a claim as any version.
            versions[key] = None if payload is None else int(version)
    return versions
