"""What the beat does for the caches."""

from dataclasses import asdict

import structlog
from celery import shared_task
from redis.exceptions import RedisError

from caching.audit import audit
from caching.board import BoardCache
from caching.declared import Declared
from caching.redis import CacheUnavailable

log = structlog.get_logger(__name__)


@shared_task(name="caching.enforce_retention")
def enforce_retention() -> dict[str, int]:
    """Drop from each board what is neither among its latest rows nor to be kept; returns how many rows
    went, by cache. A board whose Redis is not there keeps for the next time."""
    dropped: dict[str, int] = {}
    for cache in Declared.registry:
        if isinstance(cache, BoardCache):
            try:
                dropped[cache.name] = cache.trim()
            except CacheUnavailable as trouble:
                log.info("retention_put_off", cache=cache.name, why=str(trouble))
            else:
                log.info("retention_enforced", cache=cache.name, dropped=dropped[cache.name])
    return dropped


@shared_task(name="caching.audit")
def audit_sample() -> dict[str, int]:
    """Compare a sample of each cache with PostgreSQL; returns how many rows disagree for longer than B."""
    mismatches: dict[str, int] = {}
    for cache in Declared.registry:
        try:
            _looked_at, found = audit(cache)
        except RedisError as trouble:
            log.info("audit_put_off", cache=cache.name, why=str(trouble))
            continue
        mismatches[cache.name] = len(found)
        for mismatch in found:
            log.error("cache_mismatch", **asdict(mismatch))
    return mismatches
