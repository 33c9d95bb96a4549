"""Which rows has a page of the board, or of what an operator holds, and how many are in each filter?"""

import json
from dataclasses import dataclass, field
from typing import Any

from accounts.models import User
from caching.declared import in_transaction
from caching.proofs import Proof
from caching.redis import CacheUnavailable
from events.http import decode_cursor, encode_cursor
from events.vocabulary import UNCLAIMED, Material, Status
from mes.caches import BOARD
from mes.models import WorkOrder
from mes.payload import work_order_payload
from web.conditional import digest

PAGE_ROWS = 50
#: An order enters the MES when it is submitted.
STATUSES = [status for status in Status if status not in (Status.INITIATED, Status.FILE_UPLOADED)]

Row = dict[str, Any]


@dataclass(frozen=True)
class BoardPage:
    """Rows newest first, as ``mes.payload`` renders them, and the cursor of the page after them, if there is
    one; ETag and Cache-Status are ``caching.board.Page``'s."""

    rows: list[Row]
    next_cursor: str | None = None
    etag: str | None = None
    cache_status: str = ""
    proof: Proof | None = None


@dataclass(frozen=True)
class Tallies:
    """How many orders each filter would show, as far as that is known without counting rows."""

    statuses: dict[str, int]
    materials: dict[str, int]
    all_statuses: int | None = None
    any_material: int | None = None
    proof: Proof | None = field(default=None, repr=False)

    @property
    def digest(self) -> str:
        """Changes when a number does."""
        return digest(repr(self).encode())


def board_page(*, status: str = "", material: str = "", cursor: str = "") -> BoardPage:
    """A page of the board; without a filter's value, any. Raises ``ValueError`` for a bad cursor."""
    after = decode_cursor(cursor) if cursor else None
    page = BOARD.page(_chosen(status, material), PAGE_ROWS, after)
    return BoardPage(
        json.loads(b"[%b]" % (page.rows or b"")),
        None if page.next_after is None else encode_cursor(page.next_after),
        page.etag,
        page.status,
        page.proof,
    )


def tallies(*, status: str = "", material: str = "") -> Tallies:
    """The numbers on the filters, each as its link would find it; none while the cache steps aside, for
    PostgreSQL would have to count.

    The relay publishes how many orders each status has. Within a status the cache's views count exactly
    where it holds all of them: always the unclaimed ones, others while there are not too many of them.
    """
    names: list[str] = [*STATUSES]
    views = [(one, other) for one in names for other in {"", material}]
    views += [(status, one.value) for one in Material]
    try:
        if in_transaction():
            raise CacheUnavailable("transaction")
        published = BOARD.counts([_chosen(*view) for view in views])
    except CacheUnavailable:
        return Tallies({}, {})
    held = dict(zip(views, published.views, strict=True))
    whole = {one: held[one, ""] if one in UNCLAIMED else published.counts.get(one, 0) for one in names}
    complete = {one for one in names if held[one, ""] >= whole[one]}
    statuses = {one: held[one, material] for one in names if one in complete} if material else whole
    is_complete = complete.issuperset([status] if status else names)
    return Tallies(
        statuses,
        {one.value: held[status, one.value] for one in Material} if is_complete else {},
        all_statuses=sum(statuses.values()) if len(statuses) == len(names) else None,
        any_material=whole[status] if status else sum(whole.values()),
        proof=published.proof,
    )


def _chosen(status: str, material: str) -> dict[str, str]:
    """The filters of a view; without a value, any."""
    chosen = {"status": status, "material": material}
    return {name: value for name, value in chosen.items() if value}


def held_page(operator: User, cursor: str = "") -> BoardPage:
    """A page of what the operator holds, each row a whole order. Raises ``ValueError`` for a bad cursor."""
    orders = WorkOrder.objects.held_by(operator.pk)
    if cursor:
        orders = orders.filter(position__lt=decode_cursor(cursor))
    found = list(orders[: PAGE_ROWS + 1])
    shown = found[:PAGE_ROWS]
    more = len(found) > PAGE_ROWS
    rows = [work_order_payload(order) for order in shown]
    return BoardPage(rows, encode_cursor(shown[-1].position) if more else None)
