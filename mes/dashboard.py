"""How many work orders stand in each status."""

from typing import Any

from django.db.models import Count
from django.utils import timezone

from events.vocabulary import UNCLAIMED, Status, iso
from mes.models import WorkOrder

#: An order enters the MES when it is submitted.
STATUSES = [status for status in Status if status not in (Status.INITIATED, Status.FILE_UPLOADED)]


def dashboard_payload() -> dict[str, Any]:
    """Counts by status, how many are unclaimed, and the moment this was true (ISO 8601, UTC)."""
    as_of = timezone.now()
    found = dict(WorkOrder.objects.order_by().values_list("status").annotate(Count("pk")))
    counts = {status.value: found.get(status, 0) for status in STATUSES}
    return {
        "counts": counts,
        "unclaimed": sum(counts[status] for status in UNCLAIMED),
        "as_of": iso(as_of),
    }
