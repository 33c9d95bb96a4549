"""What the MES caches: the board, newest first, filtered by status and material."""

from django.conf import settings

from caching.board import BoardCache
from caching.facets import Facets
from events.vocabulary import UNCLAIMED, Material, Status
from mes.models import WorkOrder
from mes.payload import board_row

BOARD = BoardCache(
    name="mes.board",
    status_name="mes-board",
    model=WorkOrder,
    key="number",
    render=board_row,
    columns=(
        "number", "status", "title", "material", "quantity", "price", "currency", "due_date", "created_at",
        "operator_id", "operator_name", "version", "position",
    ),
    position="position",
    facets=Facets({"status": Status.values, "material": Material.values}),
    keep_facet="status",
    keep_values=UNCLAIMED,
    latest=lambda: settings.CACHE_BOARD_LATEST,
    most_rows=lambda: settings.CACHE_BOARD_MAX_ROWS,
)  # fmt: skip
