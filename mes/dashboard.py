"""How many work orders stand in each status: the relay's running count, or PostgreSQL's when it has none."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count
from django.utils import timezone

from caching import stats
from caching.declared import in_transaction
from caching.load import from_postgresql
from caching.proofs import Proof
from caching.redis import CacheUnavailable
from events.vocabulary import UNCLAIMED, iso
from mes.board import STATUSES
from mes.caches import BOARD
from mes.models import WorkOrder

STATUS_NAME = "mes-dashboard"


def dashboard() -> tuple[dict[str, Any], str, Proof | None]:
    """Counts by status, how many are unclaimed, the moment this was true; how it came (Cache-Status); and
    what proves a hit again."""
    try:
        if in_transaction():
            raise CacheUnavailable("transaction")
        published = BOARD.counts()
    except CacheUnavailable as trouble:
        stats.count(STATUS_NAME, "bypass")
        as_of = timezone.now()
        numbers = _numbers(from_postgresql(STATUS_NAME, _count, share=not in_transaction()), as_of)
        return numbers, f"{STATUS_NAME}; fwd=bypass; detail={trouble.detail}", None
    stats.count(STATUS_NAME, "hit")
    as_of = datetime.fromtimestamp(published.as_of / 1_000_000, UTC)
    proof = replace(published.exactly, cache=STATUS_NAME)
    return _numbers(published.counts, as_of), f"{STATUS_NAME}; hit", proof


def _count() -> dict[str, int]:
    return dict(WorkOrder.objects.order_by().values_list("status").annotate(Count("pk")))


def _numbers(found: dict[str, int], as_of: datetime) -> dict[str, Any]:
    counts = {status.value: found.get(status, 0) for status in STATUSES}
    return {
        "counts": counts,
        "unclaimed": sum(counts[status] for status in UNCLAIMED),
        "as_of": iso(as_of),
    }
