"""Which rows does a page of the board, or of what an operator holds, show?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from accounts.models import User
from events.http import decode_cursor, encode_cursor
from mes.models import WorkOrder, WorkOrderQuerySet
from mes.payload import board_row, work_order_payload

PAGE_ROWS = 50

Row = dict[str, Any]


@dataclass(frozen=True)
class BoardPage:
    """Rows newest first, as ``mes.payload`` renders them; the cursor of the page after them, if there is one;
    and how many orders stand in each status, as far as that is known without counting."""

    rows: list[Row]
    next_cursor: str | None = None
    counts: dict[str, int] = field(default_factory=dict)


def board_page(*, status: str = "", material: str = "", cursor: str = "") -> BoardPage:
    """A page of the board; without a filter's value, any. Raises ``ValueError`` for a bad cursor."""
    chosen = {"status": status, "material": material}
    orders = WorkOrder.objects.for_board().filter(**{name: value for name, value in chosen.items() if value})
    return _page(orders, cursor, board_row)


def held_page(operator: User, cursor: str = "") -> BoardPage:
    """A page of what the operator holds, each row a whole order. Raises ``ValueError`` for a bad cursor."""
    return _page(WorkOrder.objects.held_by(operator.pk), cursor, work_order_payload)


def _page(orders: WorkOrderQuerySet, cursor: str, render: Callable[[WorkOrder], Row]) -> BoardPage:
    if cursor:
        orders = orders.filter(position__lt=decode_cursor(cursor))
    found = list(orders[: PAGE_ROWS + 1])
    shown = found[:PAGE_ROWS]
    more = len(found) > PAGE_ROWS
    return BoardPage([render(order) for order in shown], encode_cursor(shown[-1].position) if more else None)
