"""How does the admin page through a table that is too large to be counted?"""

from typing import Any

from django.contrib.admin import ShowFacets
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import PAGE_VAR
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from events.http import decode_cursor, encode_cursor


class KeysetPages(Paginator):  # type: ignore[type-arg]  # not generic when it runs
    """The one page that was read; unfold shows the links of its template below the list."""

    template_name = "admin_pages/older_newest.html"


class KeysetChangeList(ChangeList):
    """A list that reads one page by keyset and counts nothing: a deep page costs what the first costs.

    Django's page parameter holds the cursor, so every link that leaves the page (a filter, a search) drops
    it as Django drops a page's number. ``older`` and ``newest`` are links, None where there is nothing.
    """

    def get_results(self, request: HttpRequest) -> None:
        """Read the page. A bad cursor leads back to the first page, as a bad filter does."""
        field = self.model_admin.keyset_field
        rows = self.queryset
        cursor = request.GET.get(PAGE_VAR)
        if cursor:
            try:
                rows = rows.filter(**{f"{field}__lt": decode_cursor(cursor)})
            except ValueError as error:
                raise IncorrectLookupParameters from error
        found = list(rows.order_by(f"-{field}")[: self.list_per_page + 1])
        self.result_list = found[: self.list_per_page]
        self.older = None
        if len(found) > self.list_per_page:
            after = encode_cursor(getattr(self.result_list[-1], field))
            self.older = self.get_query_string({PAGE_VAR: after})
        self.newest = self.get_query_string() if cursor else None
        self.result_count = self.full_result_count = len(self.result_list)
        self.show_full_result_count = self.can_show_all = self.multi_page = False
        self.show_admin_actions = bool(self.result_list)
        self.paginator = KeysetPages(self.result_list, self.list_per_page)


class KeysetListAdmin(ModelAdmin):
    """An admin whose list is a :class:`KeysetChangeList`, newest first by the unique ``keyset_field``."""

    keyset_field = "id"
    list_per_page = 50
    list_disable_select_all = True
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    sortable_by = ()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list under its own name: Django's title speaks of selecting something to view."""
        title = capfirst(self.model._meta.verbose_name_plural)
        response: HttpResponse = super().changelist_view(request, {"title": title, **(extra_context or {})})
        return response

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        """The list's class."""
        return KeysetChangeList


class ReadOnlyAdmin(KeysetListAdmin):
    """An admin that shows, and changes nothing but by the actions it names."""

    change_form_template = "admin_pages/read_only.html"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes a field."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes."""
        return False

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page, without Django's log of changes: nothing is changed here."""
        context = {"show_history": False, **(extra_context or {})}
        response: HttpResponse = super().changeform_view(request, object_id, form_url, context)
        return response
