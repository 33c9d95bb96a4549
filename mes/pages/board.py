"""The operators' board: what waits to be made, and who takes it."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from events.errors import DomainError
from events.vocabulary import Material, Status
from mes import claims
from mes.board import board_page
from mes.dashboard import STATUSES
from mes.models import WorkOrder
from mes.pages.door import PageRequest, operators_only, page_context, refusal_text
from mes.payload import board_row

READY = Status.MANUFACTURING_APPROVED
#: The address's word for "whichever status"; without a word the board shows what is ready to claim.
ANY = "any"
TABS = [READY, *(other for other in STATUSES if other != READY)]


@operators_only
def board(request: PageRequest) -> HttpResponse:
    """A page of the board. A bad filter or cursor in the address leads to the board's beginning."""
    status, material = request.GET.get("status", READY.value), request.GET.get("material", "")
    if status not in (ANY, *STATUSES) or material not in ("", *Material):
        return redirect("admin:board")
    try:
        page = board_page(
            status="" if status == ANY else status, material=material, cursor=request.GET.get("cursor", "")
        )
    except ValueError:
        return redirect("admin:board")
    context = page_context(
        request,
        _("Board"),
        page=page,
        status=status,
        material=material,
        statuses=[(one, page.counts.get(one)) for one in TABS],
        materials=list(Material),
        any_status=ANY,
    )
    return render(request, "mes/board.html", context)


@operators_only
def claim(request: PageRequest, number: str) -> HttpResponse:
    """A press of Claim: the row as it is now, "yours" or "taken by X"; without JavaScript the whole board."""
    back = reverse("admin:board") + "?" * bool(request.GET) + request.GET.urlencode()
    if request.method != "POST":  # a GET comes from a login page that was in the way
        return redirect(back)
    refused = ""
    try:
        order = claims.work_order_claim(number=number, operator=request.user)
    except DomainError as refusal:
        order = get_object_or_404(WorkOrder, number=number)
        refused = refusal_text(refusal, order)
    if request.htmx:
        return render(request, "mes/board_row.html", {"row": board_row(order), "refused": refused})
    if refused:
        messages.warning(request, refused)
    else:
        messages.success(request, _("%(number)s is yours.") % {"number": number})
    return redirect(back)
