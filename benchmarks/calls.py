"""A request without a network: WSGI in this process, the caller given, so that only the page is measured."""

import io
from collections.abc import Callable
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponseBase
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.roles import Role
from accounts.views import RoleView
from config.urls import urlpatterns as real_urlpatterns
from mes.models import WorkOrder


class NullView(RoleView[WorkOrder]):
    """Answers a constant: what any view of the API costs."""

    required_roles = (Role.OPERATOR, Role.CLIENT)

    def get(self, request: Request) -> Response:
        """A constant."""
        return Response({"results": [], "next": None, "count": 0})


urlpatterns = [path("null/", NullView.as_view()), *real_urlpatterns]


class AsUser(WSGIHandler):
    """Calls as a user whose principal is known: no query is spent on who it is."""

    user: User

    def get_response(self, request: HttpRequest) -> HttpResponseBase:  # type: ignore[override]
        """The site's answer."""
        request._force_auth_user = self.user  # type: ignore[attr-defined]
        return super().get_response(request)


def caller(user: User, role: Role) -> Callable[..., tuple[int, dict[str, str], bytes]]:
    """``get(path, etag=...)`` -> (status, headers, body) as this user."""
    user.__dict__["roles"] = frozenset({role.value})
    handler = AsUser()
    handler.user = user

    def get(address: str, method: str = "GET", etag: str = "") -> tuple[int, dict[str, str], bytes]:
        address, _, query = address.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method, "PATH_INFO": address, "QUERY_STRING": query, "SERVER_NAME": "bench",
            "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(), "wsgi.url_scheme": "http", "CONTENT_LENGTH": "0",
        }  # fmt: skip
        if etag:
            environ["HTTP_IF_NONE_MATCH"] = etag
        answered: list[Any] = []
        body = b"".join(handler(environ, lambda status, headers: answered.extend((status, headers))))
        return int(answered[0][:3]), {name.lower(): value for name, value in answered[1]}, body

    return get
