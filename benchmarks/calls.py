"""A request without a network: WSGI in this process, from the request's bytes to the answer's."""

import io
from collections.abc import Callable
from typing import Any

from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.test import Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.roles import Role
from accounts.services import token_issue
from accounts.views import RoleView
from config.urls import urlpatterns as real_urlpatterns
from config.wsgi import application
from events.vocabulary import Status
from mes.api.serializers import BoardRowSerializer
from mes.models import WorkOrder
from mes.payload import board_row

Get = Callable[..., tuple[int, dict[str, str], bytes]]
_PAGE = (
    "SELECT json_agg(page)::text FROM (SELECT number, status, title, material, quantity, price, currency,"
    " due_date, created_at, operator_id, operator_name, version FROM mes_workorder"
    " WHERE status = 'MANUFACTURING_APPROVED' ORDER BY position DESC LIMIT 50) page"
)


class NullView(RoleView[WorkOrder]):
    """Answers a constant: what any view of the API costs."""

    required_roles = (Role.OPERATOR, Role.CLIENT)

    def get(self, request: Request) -> Response:
        """A constant."""
        return Response({"results": [], "next": None, "count": 0})


class OpenView(NullView):
    """The same for anybody: over HTTP, where no caller can be given."""

    authentication_classes = permission_classes = ()


class SerializerView(NullView):
    """The board's first page as DRF makes it."""

    def get(self, request: Request) -> Response:
        """50 rows."""
        rows = WorkOrder.objects.for_board().filter(status=Status.MANUFACTURING_APPROVED)[:50]
        return Response({"results": BoardRowSerializer([board_row(row) for row in rows], many=True).data})


class JsonAggView(NullView):
    """The board's first page as PostgreSQL makes it."""

    def get(self, request: Request) -> HttpResponse:
        """50 rows."""
        with connection.cursor() as cursor:
            cursor.execute(_PAGE)
            (rows,) = cursor.fetchone()
        return HttpResponse(b'{"results":%b}' % rows.encode(), content_type="application/json")


urlpatterns = [
    path("null/", NullView.as_view()),
    path("open/", OpenView.as_view()),
    path("serializer/", SerializerView.as_view()),
    path("json_agg/", JsonAggView.as_view()),
    *real_urlpatterns,
]


class AsUser(WSGIHandler):
    """Calls as a user who is given: nobody is asked who it is."""

    user: User

    def get_response(self, request: HttpRequest) -> HttpResponseBase:  # type: ignore[override]
        """The site's answer."""
        request._force_auth_user = self.user  # type: ignore[attr-defined]
        return super().get_response(request)


def given(user: User, role: Role) -> Get:
    """``get(path)`` -> (status, headers, body) as this user, without a token."""
    user.__dict__["roles"] = frozenset({role.value})
    handler = AsUser()
    handler.user = user
    return _getter(handler, {})


def with_token(user: User) -> Get:
    """The same from outside, with a token of this user."""
    _token, key = token_issue(user=user, name="benchmark")
    return _getter(application, {"HTTP_AUTHORIZATION": f"Token {key}"})


def with_session(user: User) -> Get:
    """The same from outside, with a session of this user."""
    return _getter(application, {"HTTP_COOKIE": session_cookie(user)})


def session_cookie(user: User) -> str:
    """The Cookie header of a browser in which this user has logged in."""
    browser = Client()
    browser.force_login(user)
    return "; ".join(f"{name}={one.value}" for name, one in browser.cookies.items())


def _getter(site: Callable[..., Any], who: dict[str, str]) -> Get:
    def get(address: str, method: str = "GET", etag: str = "") -> tuple[int, dict[str, str], bytes]:
        address, _, query = address.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method, "PATH_INFO": address, "QUERY_STRING": query, "SERVER_NAME": "bench",
            "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(), "wsgi.url_scheme": "http", "CONTENT_LENGTH": "0", **who,
        }  # fmt: skip
        if etag:
            environ["HTTP_IF_NONE_MATCH"] = etag
        answered: list[Any] = []
        body = b"".join(site(environ, lambda status, headers: answered.extend((status, headers))))
        return int(answered[0][:3]), {name.lower(): value for name, value in answered[1]}, body

    return get
