"""What do sellers see of the Shop's orders, and what may they decide?"""

from typing import Any, cast

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import CharField, Form
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from accounts.models import User
from events.admin_orders import OrderPagesAdmin, TimelineInline
from events.vocabulary import Status
from shop.admin_decisions import APPROVE, CANCEL, CLOSE, DECISIONS, decide
from shop.admin_export import csv_response
from shop.models import Order, OrderStatusChange

#: Users a search by name looks at; more of them begin alike only in a search that is too short.
MOST_CLIENTS = 100


class ReasonForm(Form):
    """Why an order is cancelled."""

    reason = CharField(max_length=500, required=False)


class OrderTimeline(TimelineInline):
    """The order's timeline."""

    model = OrderStatusChange


@admin.register(Order)
class OrderAdmin(OrderPagesAdmin):
    """Orders: sellers approve, close and cancel; nobody edits."""

    list_display = (
        "picture",
        "unbroken_number",
        "state",
        "title",
        "client",
        "material",
        "quantity",
        "price_with_currency",
        "age",
    )
    list_display_links = ("unbroken_number",)
    list_before_template = "shop/above_list.html"
    list_select_related = ("client",)
    list_filter = ("status",)
    search_help_text = _("Number or client, or how it begins")
    ordering = ("-id",)
    actions = ("approve_selected", "close_selected", "cancel_selected")
    inlines = (OrderTimeline,)
    fieldsets = (
        (None, {"fields": (("number", "status"), ("title", "client_name"), ("created_at", "due_date"))}),
        (
            _("What to make"),
            {
                "fields": (
                    ("material", "quantity"),
                    ("large_picture", "model_link"),
                    "engraving",
                    "comment",
                    "oddities",
                )
            },
        ),
        (_("Price"), {"fields": ("price_with_currency", "breakdown")}),
    )
    readonly_fields = (
        "number",
        "client_name",
        "created_at",
        "model_link",
        "large_picture",
        "oddities",
        "price_with_currency",
        "breakdown",
    )
    change_form_outer_before_template = "shop/order_decisions.html"

    @display(description=_("Client"))
    def client_name(self, order: Order) -> str:
        """Whose order it is. No link: sellers may not see users."""
        return f"{order.client.display_name} ({order.client.username})"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Orders whose number begins so, else those of the clients whose names begin so."""
        found, duplicates = super().get_search_results(request, queryset, search_term)
        if not search_term.strip() or found.exists():
            return found, duplicates
        clients = User.objects.filter(username__startswith=search_term.strip())
        ids = list(clients.values_list("pk", flat=True)[:MOST_CLIENTS])
        return queryset.filter(client_id__in=ids), False

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """Whether the user may approve, close and cancel."""
        return request.user.has_perm("shop.change_order")

    @action(description=APPROVE.bulk_label, permissions=["decide"])
    def approve_selected(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        """Accept the prices in the clients' name."""
        decide(request, cast(User, request.user), APPROVE, orders)

    @action(description=CLOSE.bulk_label, permissions=["decide"])
    def close_selected(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        """Confirm the deliveries."""
        decide(request, cast(User, request.user), CLOSE, orders)

    @action(description=CANCEL.bulk_label, permissions=["decide"])
    def cancel_selected(self, request: HttpRequest, orders: QuerySet[Order]) -> None:
        """Cancel, or ask the plant to."""
        decide(request, cast(User, request.user), CANCEL, orders)

    def get_urls(self) -> list[URLPattern]:
        """The buttons of an order's page, before Django's pattern that takes anything for a key."""
        view = self.admin_site.admin_view(self.decide_one)
        export = self.admin_site.admin_view(self.export)
        return [
            path("export/", export, name="shop_order_export"),
            path("<str:number>/decide/<str:name>/", view, name="shop_order_decide"),
            *super().get_urls(),
        ]

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """Whoever is to approve prices sees what they are made of."""
        if request.GET.get("status__exact") != Status.PRICE_CALCULATED:
            return self.list_display
        columns = [column for column in self.list_display if column not in ("state", "age")]
        return (*columns, "short_breakdown", "age")

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """The list as it is filtered, whole, as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            changes = self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return redirect("admin:shop_order_changelist")
        return csv_response(changes.queryset.order_by("-id"))

    def decide_one(self, request: HttpRequest, number: str, name: str) -> HttpResponse:
        """A press of a button on the order's page."""
        if not self.has_decide_permission(request):
            raise PermissionDenied
        orders = Order.objects.filter(number=number)
        if name not in DECISIONS or not orders.exists():
            raise Http404
        if request.method == "POST":  # a GET comes from a login page that was in the way
            decision, form = DECISIONS[name], ReasonForm(request.POST)
            if form.is_valid():
                given = form.cleaned_data if decision.asks_reason else {}
                decide(request, cast(User, request.user), decision, orders, **given)
            else:
                messages.error(request, str(form.errors["reason"][0]))
        return redirect("admin:shop_order_change", number)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The page, with a button for each decision that is open to this user now."""
        order = context.get("original")
        if order and self.has_decide_permission(request):
            context["decisions"] = [one for one in DECISIONS.values() if one.is_open(order)]
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return response
