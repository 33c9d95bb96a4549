"""What do operators, sellers and engineers see of work orders, and who sets the tariffs?"""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import display

from events.admin_orders import OrderPagesAdmin, TimelineInline
from mes.figures import overdue
from mes.models import Tariff, WorkOrder, WorkOrderStatusChange


class WorkOrderTimeline(TimelineInline):
    """The work order's timeline."""

    model = WorkOrderStatusChange


class DueFilter(admin.SimpleListFilter):
    """Orders promised for a day that is over."""

    title = _("due")
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """One choice."""
        return [("overdue", _("Overdue"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[WorkOrder]) -> QuerySet[WorkOrder]:
        """The overdue ones, if they are asked for."""
        return queryset.filter(overdue()) if self.value() == "overdue" else queryset


@admin.register(WorkOrder)
class WorkOrderAdmin(OrderPagesAdmin):
    """Work orders, in every status. Operators move them on their own pages, see ``mes.pages``."""

    keyset_field = "position"
    list_display = (
        "picture",
        "unbroken_number",
        "state",
        "title",
        "material",
        "price_with_currency",
        "due_date",
        "operator_name",
        "age",
    )
    list_display_links = ("unbroken_number",)
    list_filter = ("status", "material", DueFilter)
    ordering = ("-position",)
    inlines = (WorkOrderTimeline,)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("number", "status"),
                    ("title", "operator_name"),
                    ("created_at", "due_date"),
                    ("partner_name", "external_id"),
                )
            },
        ),
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
        (_("Price"), {"fields": ("price_with_currency", "breakdown", "measured")}),
    )
    readonly_fields = (
        "number",
        "created_at",
        "partner_name",
        "model_link",
        "large_picture",
        "oddities",
        "measured",
        "price_with_currency",
        "breakdown",
    )

    @display(description=_("Measured"))
    def measured(self, order: WorkOrder) -> str:
        """When the model was measured, how long that took, and for how many orders it was done once."""
        one = order.measurement
        if one is None:
            return "–"
        return gettext("%(moment)s, in %(seconds)s s; once for %(uses)s prices of equal files") % {
            "moment": date_format(timezone.localtime(one.measured_at), "SHORT_DATETIME_FORMAT"),
            "seconds": number_format(one.seconds, 2),
            "uses": one.uses,
        }

    @display(description=_("Partner"))
    def partner_name(self, order: WorkOrder) -> str:
        """Who sent the order straight to the plant. No link: operators may not see users."""
        return order.partner.display_name if order.partner else "–"


@admin.register(Tariff)
class TariffAdmin(ModelAdmin):
    """Tariffs: each material has one, so none is added or deleted, only changed."""

    list_display = fields = (
        "material",
        "density_g_cm3",
        "price_per_gram",
        "making_fee",
        "making_per_gram",
        "lead_days",
    )
    readonly_fields = ("material",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds: the materials are in the code."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes: without its tariff a material can't be priced."""
        return False
