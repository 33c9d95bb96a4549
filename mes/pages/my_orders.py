"""What an operator holds: the next step of each order, or its way back to the board."""

from collections.abc import Callable

from django.contrib import messages
from django.forms import CharField, Form, TypedChoiceField
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from events.errors import DomainError
from events.vocabulary import Status
from mes import claims
from mes.board import held_page
from mes.models import WorkOrder
from mes.pages.door import PageRequest, operators_only, order_id_of, page_context, refusal_text
from mes.pages.steps import BUTTONS
from mes.payload import work_order_payload


class AdvanceForm(Form):
    """Where to. The button names it, so that a double click is the same step twice and not two steps."""

    to = TypedChoiceField(choices=list(BUTTONS.items()), coerce=Status)


class ReleaseForm(Form):
    """Why an order goes back to the board."""

    reason = CharField(max_length=500)


@operators_only
def my_orders(request: PageRequest) -> HttpResponse:
    """What the operator holds, newest first."""
    try:
        page = held_page(request.user, request.GET.get("cursor", ""))
    except ValueError:
        return redirect("admin:my_orders")
    return render(request, "mes/my_orders.html", page_context(request, _("My orders"), page=page))


@operators_only
def advance(request: PageRequest, number: str) -> HttpResponse:
    """A press of Complete, Pack or Ship."""
    form = AdvanceForm(request.POST)
    if request.method != "POST" or not form.is_valid():
        return redirect("admin:my_orders")
    to = form.cleaned_data["to"]
    return _answer(
        request,
        number,
        to,
        lambda order_id: claims.work_order_advance(order_id=order_id, operator=request.user, to=to),
    )


@operators_only
def release(request: PageRequest, number: str) -> HttpResponse:
    """A press of Release: the order goes back to the board, with the reason."""
    form = ReleaseForm(request.POST)
    if request.method != "POST" or not form.is_valid():
        return redirect("admin:my_orders")
    return _answer(
        request,
        number,
        Status.MANUFACTURING_APPROVED,
        lambda order_id: claims.work_order_release(
            order_id=order_id, operator=request.user, reason=form.cleaned_data["reason"]
        ),
    )


def _answer(
    request: PageRequest, number: str, target: Status, step: Callable[[int], WorkOrder]
) -> HttpResponse:
    """Take the step and show the order's card as it is now; without JavaScript the whole page."""
    order_id, refused = order_id_of(number), ""
    try:
        order = step(order_id)
    except DomainError as refusal:
        order = WorkOrder.objects.get(pk=order_id)
        # The second click of a double click finds the step taken: nothing was refused.
        is_done = order.status == target and order.operator_id in (None, request.user.pk)
        refused = "" if is_done else refusal_text(refusal, order)
    if request.htmx:
        return render(request, "mes/my_order.html", {"row": work_order_payload(order), "refused": refused})
    if refused:
        messages.warning(request, refused)
    else:
        messages.success(request, f"{number}: {order.get_status_display()}")
    return redirect("admin:my_orders")
