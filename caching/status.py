"""How is each partition now: fence, epoch, rows, hit rate, backlog, last rebuild and why?"""

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from caching import changes, stats
from caching.board import BoardCache
from caching.declared import Declared
from caching.partition import Partition
from caching.redis import relay_connection


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """What cache_status shows of a partition; times in seconds, ``rows`` None where rows expire by
    themselves, ``fence_age`` None when there is no fence and every read goes to PostgreSQL."""

    cache: str
    partition: str
    fence_age: float | None
    epoch: str
    rows: int | None
    rebuilt_at: str | None
    rebuilt_why: str
    trouble: str
    reads: dict[str, int]
    hit_rate: float | None


@dataclass(frozen=True, slots=True)
class Status:
    """All partitions, and how many changes wait in PostgreSQL for the relay."""

    partitions: list[PartitionStatus]
    backlog: int
    as_of: str

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


def status() -> Status:
    """How the caches are now. Raises redis-py's errors."""
    partitions = [
        _partition_status(cache, partition) for cache in Declared.registry for partition in cache.partitions
    ]
    as_of = datetime.fromtimestamp(time.time(), UTC).isoformat()
    return Status(partitions, changes.backlog(), as_of)


def _partition_status(cache: Declared[Any], partition: Partition) -> PartitionStatus:
    redis: Any = relay_connection()
    head = {name.decode(): value.decode() for name, value in redis.hgetall(partition.key("head")).items()}
    life_ms = redis.pttl(partition.key("fence"))
    reads = {name.decode(): int(n) for name, n in redis.hgetall(stats.key(cache.name)).items()}
    total = sum(reads.values())
    rebuilt = head.get("rebuilt_at")
    return PartitionStatus(
        cache=cache.name,
        partition=partition.tag,
        fence_age=round(settings.CACHE_FENCE_SECONDS - life_ms / 1000, 3) if life_ms > 0 else None,
        epoch=head.get("epoch", ""),
        rows=redis.hlen(partition.key("rows")) if isinstance(cache, BoardCache) else None,
        rebuilt_at=datetime.fromtimestamp(int(rebuilt) / 1e6, UTC).isoformat() if rebuilt else None,
        rebuilt_why=head.get("rebuilt_why", ""),
        trouble=head.get("trouble", ""),
        reads=reads,
        hit_rate=round(reads.get("hit", 0) / total, 4) if total else None,
    )
