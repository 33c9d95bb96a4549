"""How does a filtered list of orders become a CSV file, however long it is?"""

import csv
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from shop.models import Order

_CHUNK = 2000
_DANGEROUS = ("=", "+", "-", "@")


class _Line:
    """Gives the csv writer's line back instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def csv_response(orders: QuerySet[Order]) -> StreamingHttpResponse:
    """The orders as a download, streamed: the server holds a few thousand of them at a time."""
    response = StreamingHttpResponse(_lines(orders, _columns()), content_type="text/csv; charset=utf-8")
    name = f"orders-{timezone.localdate().isoformat()}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "private, no-store"
    return response


def _lines(orders: QuerySet[Order], columns: dict[str, Callable[[Order], Any]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield "\ufeff"  # by which spreadsheets know UTF-8
    yield writer.writerow(columns)
    for order in orders.iterator(chunk_size=_CHUNK):
        yield writer.writerow(_harmless(cell(order) for cell in columns.values()))


def _columns() -> dict[str, Callable[[Order], Any]]:
    """Head of each column, in the reader's language, and its cell of an order."""
    return {
        _("Number"): lambda order: order.number,
        _("Status"): lambda order: order.status,
        _("Title"): lambda order: order.title,
        _("Client"): lambda order: order.client.username,
        _("Material"): lambda order: order.material,
        _("Quantity"): lambda order: order.quantity,
        _("Price"): lambda order: "" if order.price is None else order.price,
        _("Currency"): lambda order: order.currency,
        _("Created"): lambda order: order.created_at.isoformat(timespec="seconds"),
        _("Due"): lambda order: order.due_date.isoformat() if order.due_date else "",
    }


def _harmless(cells: Iterable[Any]) -> list[Any]:
    """Cells that no spreadsheet takes for a formula: what a client wrote may begin like one (OWASP, "CSV
    injection")."""
    return [
        f"'{cell}" if isinstance(cell, str) and cell.lstrip().startswith(_DANGEROUS) else cell
        for cell in cells
    ]
