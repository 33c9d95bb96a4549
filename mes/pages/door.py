"""Who may enter an operators' page, and what does a refusal of a claim or step say to an operator?"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext_lazy as _
from django_htmx.middleware import HtmxDetails

from accounts.models import User
from accounts.roles import Role
from events.errors import DomainError
from mes.models import WorkOrder

Page = Callable[..., HttpResponse]

REFUSALS = {
    "already_claimed": _("%(number)s was taken by %(name)s."),
    "claim_in_progress": _("Somebody is just claiming %(number)s. Try again in a moment."),
    "not_your_order": _("%(number)s is held by %(name)s."),
    "illegal_transition": _("%(number)s has moved on meanwhile. Its status is “%(status)s”."),
}


class PageRequest(HttpRequest):
    """A request that came through the admin's login and htmx's middleware, for the types' sake."""

    user: User
    htmx: HtmxDetails


def only(*roles: Role) -> Callable[[Page], Page]:
    """The page for these roles, below the admin's login; 403 for other staff."""

    def guard(page: Page) -> Page:
        @wraps(page)
        def guarded(request: PageRequest, **address: Any) -> HttpResponse:
            if not request.user.has_role(*roles):
                raise PermissionDenied
            return page(request, **address)

        return guarded

    return guard


operators_only = only(Role.OPERATOR)


def page_context(request: PageRequest, title: str, **context: Any) -> dict[str, Any]:
    """What the admin's frame around a page needs, and the page's own."""
    is_operator = request.user.has_role(Role.OPERATOR)
    return {**admin.site.each_context(request), "title": title, "is_operator": is_operator, **context}


def order_id_of(number: str) -> int:
    """The key of a work order; 404 when there is none."""
    return get_object_or_404(WorkOrder.objects.only("pk"), number=number).pk


def refusal_text(refusal: DomainError, order: WorkOrder) -> str:
    """Why it was refused, in the operator's language; ``order`` as it is now."""
    if refusal.code not in REFUSALS:
        return refusal.detail
    # Whoever won may have given it back meanwhile.
    winner = refusal.extra.get("operator", {}).get("name", order.operator_name)
    words = {"number": order.number, "name": winner, "status": order.get_status_display()}
    return str(REFUSALS[refusal.code]) % words
