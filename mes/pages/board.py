"""The operators' board: what waits to be made, and who takes it."""

import time
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.gzip import gzip_page
from django.views.decorators.vary import vary_on_headers

from caching.proofs import grounds_of
from events.errors import DomainError
from events.vocabulary import Material, Status
from mes import claims
from mes.board import STATUSES, BoardPage, Tallies, board_page, tallies
from mes.models import WorkOrder
from mes.pages.door import PageRequest, operators_only, page_context, refusal_text
from mes.pages.rows import row_html
from mes.payload import board_row
from web.conditional import unless_known

#: Seconds for which "2 min. ago" may be said again.
SECONDS_SAID = 30
READY = Status.MANUFACTURING_APPROVED
#: The address's word for "whichever status"; without a word the board shows what is ready to claim.
ANY = "any"
TABS = [READY, *(other for other in STATUSES if other != READY)]


class NoSuchBoard(Exception):
    """The address names a status, a material or a cursor that is none."""


@operators_only
def board(request: PageRequest) -> HttpResponse:
    """A page of the board. A bad filter or cursor in the address leads to the board's beginning."""
    try:
        context = _shown(request)
    except NoSuchBoard:
        return redirect("admin:board")
    response = render(request, "mes/board.html", page_context(request, _("Board"), words=_words(), **context))
    response["Cache-Status"] = context["page"].cache_status
    response["Cache-Control"] = "private, no-store"
    return response


def _words() -> dict[str, Any]:
    """What the board's script says, and where it leads. A counted phrase comes for 1, 2 and 5."""
    return {
        "as_of": _("As of {time}"),
        "gone": _("No longer waiting"),
        "doubt": _("No answer. Whether the order is yours shows when the connection is back."),
        "new": [ngettext("{n} new order", "{n} new orders", number) for number in (1, 2, 5)],
        "row": reverse("admin:board_row", args=["A-00000000"]),
        "mine": reverse("admin:my_orders"),
    }


@vary_on_headers("Accept-Encoding")  # gzip_page leaves it out of a 304
@gzip_page
@operators_only
def live(request: PageRequest) -> HttpResponse:
    """A page of the board as it is now: the filters' numbers and the rows, or 304."""
    try:
        context = _shown(request)
    except NoSuchBoard:
        return HttpResponse(status=400)
    tag = f'W/"{context["etag"]}"' if context["etag"] else None
    if tag:
        _note(request, context)
    response = unless_known(request, tag, lambda: render(request, "mes/board_live.html", context))
    response["Cache-Status"] = context["page"].cache_status
    response["Cache-Control"] = "private, no-store"
    return response


def _note(request: PageRequest, context: dict[str, Any]) -> None:
    """What the answer rests on: all operators see the same, but for those who hold orders on the page. It
    says how long ago something was, so it is not said again for longer than that is true."""
    page, numbers = context["page"], context["numbers"]
    if page.proof and numbers.proof:
        grounds = grounds_of(request.META)
        grounds.what, grounds.is_shared = (page.proof, numbers.proof), True
        grounds.apart = frozenset(str(row["operator"]["id"]) for row in page.rows if row["operator"])
        grounds.said_until = time.time() + SECONDS_SAID


def _shown(request: PageRequest) -> dict[str, Any]:
    """What the address asks for: the page, the filters, and an ETag that holds for both."""
    status, material = request.GET.get("status", READY.value), request.GET.get("material", "")
    if status not in (ANY, *STATUSES) or material not in ("", *Material):
        raise NoSuchBoard
    chosen = {"status": "" if status == ANY else status, "material": material}
    try:
        page = board_page(**chosen, cursor=request.GET.get("cursor", ""))
    except ValueError as error:
        raise NoSuchBoard from error
    numbers = tallies(**chosen)
    rows = [row_html(one, request.user) for one in page.rows]
    return {
        "page": page,
        "rows": rows,
        "etag": _etag(page, numbers),
        **_filters(status, material, numbers),
    }


def _etag(page: BoardPage, numbers: Tallies) -> str:
    """Holds while neither the rows nor the numbers on the filters change; empty without the cache."""
    return f"{page.etag}.{numbers.digest}" if page.etag else ""


def _filters(status: str, material: str, numbers: Tallies) -> dict[str, Any]:
    return {
        "status": status,
        "material": material,
        "any_status": ANY,
        "statuses": [(one, numbers.statuses.get(one)) for one in TABS],
        "materials": [(one, numbers.materials.get(one)) for one in Material],
        "numbers": numbers,
    }


@operators_only
def row(request: PageRequest, number: str) -> HttpResponse:
    """One row as it is now: what a browser asks when it lost the answer to a claim."""
    order = get_object_or_404(WorkOrder, number=number)
    return HttpResponse(row_html(board_row(order), request.user))


@operators_only
def claim(request: PageRequest, number: str) -> HttpResponse:
    """A press of Claim: the row as it is now, "yours" or "taken by X"; without JavaScript the whole board."""
    if request.method != "POST":  # a GET comes from a login page that was in the way
        return redirect("admin:board")
    refused = ""
    try:
        order = claims.work_order_claim(number=number, operator=request.user)
    except DomainError as refusal:
        order = get_object_or_404(WorkOrder, number=number)
        refused = refusal_text(refusal, order)
    if request.htmx:
        return HttpResponse(row_html(board_row(order), request.user, refused))
    if refused:
        messages.warning(request, refused)
    else:
        messages.success(request, _("%(number)s is yours.") % {"number": number})
    filters = QueryDict(request.POST.get("back", ""))
    return redirect(reverse("admin:board", query=filters or None))
