"""How does a cache get full before anybody asks: written through in batches, beside the living traffic."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from caching.board import BoardCache
from caching.declared import BATCH, Declared


class NotBegun(Exception):
    """No relay has begun the cache yet, so there is nothing to put rows into."""


def keys_to_warm(cache: Declared[Any], most: int) -> list[str]:
    """What is worth having: of a board the latest rows and all to be kept, of single rows the newest."""
    rows = cache.model._default_manager.all()
    if not isinstance(cache, BoardCache):
        return list(rows.order_by("-pk").values_list(cache.key, flat=True)[:most])
    newest = rows.order_by(f"-{cache.position}").values_list(cache.key, flat=True)
    kept = newest.filter(**{f"{cache.keep_facet}__in": list(cache.keep_values)})
    return list(dict.fromkeys([*newest[: cache.latest()], *kept]))[:most]


def warm(cache: Declared[Any], keys: list[str]) -> Iterator[int]:
    """Write the rows through, a batch at a time; yields how many after each.

    Nothing is cleared and no fence is touched, so it is safe while serving. Raises :class:`NotBegun`, or
    ``CacheUnavailable`` when Redis can't be asked.
    """
    remaining = iter(keys)
    while batch := list(islice(remaining, BATCH)):
        cache.write_through(dict.fromkeys(batch, 0))
        if any(partition.token() is None for partition in cache.partitions_of(batch)):
            raise NotBegun(cache.name)
        yield len(batch)
