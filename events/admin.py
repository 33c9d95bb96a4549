"""What do engineers see of the outbox, and how do they wake a parked event?"""

import json
from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.decorators import action, display

from events import outbox
from events.admin_lists import ReadOnlyAdmin
from events.looks import age
from events.models import OutboxEvent
from events.vocabulary import Event

STATES = {
    "waiting": (_("Waiting"), Q(handled_at=None, parked_at=None)),
    "parked": (_("Parked"), Q(parked_at__isnull=False)),
    "handled": (_("Handled"), Q(handled_at__isnull=False)),
}


class StateFilter(admin.SimpleListFilter):
    """Waiting, parked or handled."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        """The states."""
        return [(name, label) for name, (label, _condition) in STATES.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """The events in the chosen state; each state has an index of its own."""
        chosen = STATES.get(self.value() or "")
        return queryset.filter(chosen[1]) if chosen else queryset


class KindFilter(admin.SimpleListFilter):
    """One kind of event. The choices come from the code: asking the table for them would read it whole."""

    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        """Every kind somebody handles."""
        return [(kind, kind) for kind in sorted(event.kind for event in Event.__subclasses__())]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Model]) -> QuerySet[Model]:
        """The events of the chosen kind."""
        return queryset.filter(kind=self.value()) if self.value() else queryset


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    """Every event of the last 30 days; parked ones can be tried again."""

    list_display = ("id", "kind", "order", "state", "attempts", "age", "short_error")
    list_filter = (StateFilter, KindFilter)
    list_filter_sheet = False
    search_fields = ("subject",)
    search_help_text = _("Number of the order, or how it begins")
    ordering = ("-id",)
    actions = ("retry_selected",)
    fieldsets = (
        (None, {"fields": (("kind", "subject"), ("created_at", "attempt_at", "due_at"), "attempts")}),
        (_("How it went"), {"fields": (("handled_at", "parked_at"), "error")}),
        (_("Payload"), {"fields": ("pretty_payload",)}),
    )
    readonly_fields = ("kind", "subject", "created_at", "pretty_payload")
    change_form_outer_before_template = "events/retry.html"

    @display(description=_("Order"))
    def order(self, event: OutboxEvent) -> str:
        """The order's number in one piece, however narrow the list."""
        return format_html('<span class="whitespace-nowrap">{}</span>', event.subject)

    @display(description=_("Age"))
    def age(self, event: OutboxEvent) -> str:
        """How long ago it was published."""
        return age(event.created_at)

    @display(description=_("State"), label={"waiting": "info", "parked": "danger", "handled": "success"})
    def state(self, event: OutboxEvent) -> tuple[str, Any]:
        """Where the event is."""
        name = "handled" if event.handled_at else "parked" if event.parked_at else "waiting"
        return name, STATES[name][0]

    @display(description=_("Last error"))
    def short_error(self, event: OutboxEvent) -> str:
        """The beginning of the last error."""
        return event.error[:80] + "…" if len(event.error) > 80 else event.error

    @display(description=_("Payload"))
    def pretty_payload(self, event: OutboxEvent) -> str:
        """The payload, one field a line."""
        text = json.dumps(event.payload, indent=2, ensure_ascii=False)
        return format_html('<pre class="frame-code text-sm">{}</pre>', text)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Events of orders whose number begins so: a prefix, because only that is answered by the index."""
        term = search_term.strip().upper()
        return queryset.filter(subject__startswith=term) if term else queryset, False

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Whether the user may have parked events tried again."""
        return request.user.has_perm("events.change_outboxevent")

    @action(description=_("Try the selected parked events again"), permissions=["retry"])
    def retry_selected(self, request: HttpRequest, events: QuerySet[OutboxEvent]) -> None:
        """Wake those of the selected events that are parked."""
        self._retry(request, list(events.values_list("pk", flat=True)))

    def get_urls(self) -> list[URLPattern]:
        """The button of an event's page, before Django's pattern that takes anything for a key."""
        view = self.admin_site.admin_view(self.retry_one)
        return [path("<int:event_id>/retry/", view, name="events_outboxevent_retry"), *super().get_urls()]

    def retry_one(self, request: HttpRequest, event_id: int) -> HttpResponse:
        """A press of the button on the event's page."""
        if not self.has_retry_permission(request):
            raise PermissionDenied
        if request.method == "POST":  # a GET comes from a login page that was in the way
            self._retry(request, [event_id])
        return redirect("admin:events_outboxevent_change", event_id)

    def _retry(self, request: HttpRequest, event_ids: list[int]) -> None:
        woken = outbox.retry(event_ids)
        if woken:
            text = ngettext("%(n)d event will be tried again.", "%(n)d events will be tried again.", woken)
            messages.success(request, text % {"n": woken})
        if skipped := len(event_ids) - woken:
            text = ngettext(
                "%(n)d event was skipped: it is not parked.",
                "%(n)d events were skipped: they are not parked.",
                skipped,
            )
            messages.warning(request, text % {"n": skipped})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The page, with the button where it would do something."""
        event = context.get("original")
        context["may_retry"] = bool(event and event.parked_at) and self.has_retry_permission(request)
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return response
