"""What do the admin's pages of Shop orders and of work orders have in common?"""

import re
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.decorators import display

from events.admin_lists import ReadOnlyAdmin
from events.looks import STATUS_COLOURS, age, money
from events.model_files import StoredModel, download_response
from events.reasons import translated
from events.vocabulary import NUMBER_PATTERN


class TimelineInline(TabularInline):
    """An order's timeline, newest first. Whoever may see the order may see it; nobody writes it here."""

    fields = readonly_fields = ("at", "from_status", "to_status", "actor_kind", "person", "why")
    extra = 0
    can_delete = False
    hide_title = True

    @display(description=_("Person"))
    def person(self, line: Any) -> str:
        """Who it was. No link: most of those who read this may not see users."""
        return line.actor.display_name if line.actor else "–"

    @display(description=_("Reason"))
    def why(self, line: Any) -> str:
        """The reason, in the reader's language where it is the system's."""
        return translated(line.reason) or "–"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """The lines with their actors, in one query."""
        lines: QuerySet[Any] = super().get_queryset(request).select_related("actor")
        return lines

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody writes history."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody rewrites history."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The page of the order has asked already."""
        return True


class OrderPagesAdmin(ReadOnlyAdmin):
    """Orders by number: in addresses, in the search, and the 3D model as a download."""

    list_filter_sheet = False
    search_help_text = _("Number, or how it begins")
    search_fields = ("number",)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The order, by its number as well as by its key."""
        by_number = re.fullmatch(NUMBER_PATTERN, object_id)
        return super().get_object(request, object_id, "number" if by_number else from_field)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Orders whose number begins so: a prefix, because only that is answered by the index."""
        term = search_term.strip().upper()
        return queryset.filter(number__startswith=term) if term else queryset, False

    def get_urls(self) -> list[URLPattern]:
        """The download, before Django's pattern that takes anything for a key."""
        options = self.model._meta
        name = f"{options.app_label}_{options.model_name}_model"
        download = self.admin_site.admin_view(self.download_model)
        return [path("<str:number>/model/", download, name=name), *super().get_urls()]

    def download_model(self, request: HttpRequest, number: str) -> FileResponse:
        """The order's 3D model as a download, for whoever may see the order; else 404."""
        order = self.get_queryset(request).filter(number=number).first()
        if order is None or not order.model or not self.has_view_permission(request, order):
            raise Http404
        try:
            return download_response(StoredModel.from_json(order.model))
        except FileNotFoundError as error:
            raise Http404 from error

    @display(description=_("Flags"))
    def oddities(self, order: Any) -> str:
        """What is odd about the model, in the reader's language, a line each."""
        details = ((translated(flag["detail"]),) for flag in order.flags)
        return format_html_join(mark_safe("<br>"), "{}", details) or "–"

    @display(description=_("Picture"))
    def picture(self, order: Any) -> str:
        """What the model looks like; the plant has drawn it."""
        if not order.model:
            return ""
        return format_html(
            '<img src="{}" alt="" width="48" height="48" loading="lazy">', _picture_address(order)
        )

    @display(description=_("Picture"))
    def large_picture(self, order: Any) -> str:
        """The same, as large as it is."""
        if not order.model:
            return "–"
        return format_html(
            '<img src="{}" alt="{}" width="192" height="192">', _picture_address(order), _("The model")
        )

    @display(description=_("Number"))
    def unbroken_number(self, order: Any) -> str:
        """The number in one piece, however narrow the list."""
        return format_html('<span class="whitespace-nowrap">{}</span>', order.number)

    @display(description=_("Age"))
    def age(self, order: Any) -> str:
        """How long ago the order came."""
        return age(order.created_at)

    @display(description=_("Status"), label=STATUS_COLOURS)
    def state(self, order: Any) -> tuple[str, str]:
        """The status in its colour."""
        return order.status, order.get_status_display()

    @display(description=_("Price"))
    def price_with_currency(self, order: Any) -> str:
        """The price as people write it."""
        return money(order.price, order.currency)

    @display(description=_("Price breakdown"))
    def breakdown(self, order: Any) -> str:
        """What the price is made of; volume and mass are of one piece."""
        if not order.price_breakdown:
            return "–"
        parts = order.price_breakdown
        lines = (
            (_("Volume of a piece"), f"{parts['volume_mm3']} mm³"),
            (_("Mass of a piece"), f"{parts['mass_g']} g"),
            (_("Material"), money(parts["material_cost"], order.currency)),
            (_("Making"), money(parts["making_cost"], order.currency)),
        )
        return format_html_join("", "<div>{}: {}</div>", lines)

    @display(description=_("Price breakdown"))
    def short_breakdown(self, order: Any) -> str:
        """The same in short lines."""
        if not order.price_breakdown:
            return "–"
        parts = order.price_breakdown
        lines = (
            _("%(mass)s g a piece") % {"mass": number_format(Decimal(parts["mass_g"]))},
            _("metal %(cost)s") % {"cost": money(parts["material_cost"], order.currency)},
            _("making %(cost)s") % {"cost": money(parts["making_cost"], order.currency)},
        )
        broken = format_html_join(mark_safe("<br>"), "{}", ((line,) for line in lines))
        return format_html('<div class="frame-lines">{}</div>', broken)

    @display(description=_("3D model"))
    def model_link(self, order: Any) -> str:
        """The client's file as a link to its download."""
        if not order.model:
            return "–"
        options = self.model._meta
        url = reverse(f"admin:{options.app_label}_{options.model_name}_model", args=[order.number])
        return format_html('<a class="text-link underline" href="{}">{}</a>', url, order.model["name"])


def _picture_address(order: Any) -> str:
    """With the order's version, so that a browser may keep what it got there."""
    return f"{reverse('admin:order_picture', args=[order.number])}?{order.version}"
