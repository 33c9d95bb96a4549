"""Where does the admin begin for each role, and which pages has it besides those of the models?"""

from collections.abc import Callable
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from unfold.sites import UnfoldAdminSite

from accounts.models import User
from accounts.roles import Role

#: The page somebody of this role works on.
LANDING = {
    Role.OPERATOR: "admin:board",
    Role.SELLER: "admin:shop_order_changelist",
    Role.ENGINEER: "admin:events_outboxevent_changelist",
}


class Site(UnfoldAdminSite):
    """The admin with the operators' pages in it."""

    empty_value_display = "–"

    def extra_urls(self) -> list[URLPattern]:
        """The operators' pages, the engineers' page of the caches, and the choice of a language."""
        # Late: the site is made before the models are there.
        from accounts.language import set_language
        from config.caches_page import act, caches
        from mes.pages.urls import operator_urls

        return [
            *operator_urls(self.admin_view),
            path("caches/", self.admin_view(caches), name="caches"),
            path("caches/<str:name>/<str:action>/", self.admin_view(act), name="cache_act"),
            path("language/", self.admin_view(set_language), name="set_language"),
        ]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Where one's work is; for a superuser everything there is."""
        user = cast(User, request.user)
        if not user.is_superuser:
            for role, page in LANDING.items():
                if user.has_role(role):
                    return redirect(page)
        return super().index(request, extra_context)

    def admin_view(
        self, view: Callable[..., HttpResponse], cacheable: bool = False
    ) -> Callable[..., HttpResponse]:
        """The view behind the login. A part of a page that finds the session gone reloads the page."""
        guarded = super().admin_view(view, cacheable)

        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            response = guarded(request, *args, **kwargs)
            if "HX-Request" in request.headers and response.status_code == 302:
                return HttpResponse(headers={"HX-Refresh": "true"})
            return response

        return answer
