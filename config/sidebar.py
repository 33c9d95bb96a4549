"""What does the admin's sidebar offer to whom? Only pages that would not refuse them."""

from typing import Any, cast

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.roles import Role
from config.caches_page import may_see
from events.vocabulary import Status

Item = dict[str, Any]


def navigation(request: HttpRequest) -> list[Item]:
    """Groups of links for the user, as unfold's SIDEBAR wants them."""
    user = cast(User, request.user)
    is_operator, may = user.has_role(Role.OPERATOR), user.has_perm
    sees_figures = user.has_role(Role.OPERATOR, Role.SELLER)
    approvals = {"status__exact": Status.PRICE_CALCULATED.value}
    groups: dict[str, list[tuple[bool, Item]]] = {
        _("Workshop"): [
            (is_operator, _item(_("Board"), "view_list", "board")),
            (is_operator, _item(_("My orders"), "assignment_ind", "my_orders")),
            (sees_figures, _item(_("Dashboard"), "monitoring", "dashboard")),
            (may("mes.view_workorder"), _item(_("Work orders"), "list_alt", "mes_workorder_changelist")),
            (may("mes.view_tariff"), _item(_("Tariffs"), "payments", "mes_tariff_changelist")),
        ],
        _("Shop"): [
            (
                may("shop.change_order"),
                _item(_("Approvals"), "task_alt", "shop_order_changelist", approvals),
            ),
            (may("shop.view_order"), _item(_("Orders"), "shopping_bag", "shop_order_changelist")),
        ],
        _("Engineering"): [
            (may_see(user), _item(_("Caches"), "memory", "caches")),
            (
                may("events.view_outboxevent"),
                _item(_("Events"), "swap_horiz", "events_outboxevent_changelist"),
            ),
            (may("accounts.view_user"), _item(_("Users"), "person", "accounts_user_changelist")),
            (may("accounts.view_apitoken"), _item(_("API tokens"), "key", "accounts_apitoken_changelist")),
            (may("auth.view_group"), _item(_("Groups"), "group", "auth_group_changelist")),
        ],
    }
    shown: list[Item] = [
        {"title": title, "items": [item for offered, item in items if offered]}
        for title, items in groups.items()
    ]
    _mark_here(request, [item for group in shown for item in group["items"]])
    return [group for group in shown if group["items"]]


def _item(title: str, icon: str, page: str, query: dict[str, str] | None = None) -> Item:
    path = reverse(f"admin:{page}")
    link = reverse(f"admin:{page}", query=query)
    return {"title": title, "icon": icon, "link": link, "path": path, "query": query or {}, "active": False}


def _mark_here(request: HttpRequest, items: list[Item]) -> None:
    """Mark the link one has followed here: of two that fit, the one that says more."""
    asked = request.GET.dict()
    fitting = [
        item
        for item in items
        if request.path.startswith(item["path"]) and item["query"].items() <= asked.items()
    ]
    if fitting:
        max(fitting, key=lambda item: len(item["query"]))["active"] = True
