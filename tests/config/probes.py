"""Views that go wrong in every way there is, for the tests of what the API then answers."""

from typing import Any

from django.core.exceptions import PermissionDenied, SuspiciousOperation, ValidationError
from django.db import OperationalError, connection
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, re_path
from rest_framework import exceptions, serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from accounts.roles import Role
from config.health import healthz, readyz
from config.metrics import metrics
from config.problems import api_not_found
from events.errors import DomainError


class AlreadyClaimed(DomainError):
    code, status = "already_claimed", 409


class ClaimInProgress(DomainError):
    code, status = "claim_in_progress", 409


ERRORS: dict[str, Exception] = {
    "already_claimed": AlreadyClaimed("Anna took it.", extra={"operator": {"id": 7, "name": "Anna"}}),
    "claim_in_progress": ClaimInProgress("Wait.", headers={"Retry-After": "1"}),
    "not_found": Http404(),
    "drf_not_found": exceptions.NotFound(),
    "permission_denied": PermissionDenied(),
    "drf_permission_denied": exceptions.PermissionDenied(),
    "throttled": exceptions.Throttled(wait=2.2),
    "suspicious": SuspiciousOperation("odd"),
    "overloaded": OperationalError("too many connections"),
    "validation": ValidationError({"title": ["Too dull."], "__all__": ["Not together."]}),
    "plain_validation": ValidationError("Not like this."),
    "unforeseen": RuntimeError("secret detail"),
}


class LineSerializer(serializers.Serializer[Any]):
    amount = serializers.IntegerField(min_value=1)


class FormSerializer(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=10)
    lines = LineSerializer(many=True, required=False)
    size = LineSerializer(required=False)


class Raise(APIView):
    permission_classes = []

    def get(self, request: Request, name: str) -> Response:
        raise ERRORS[name]


class Form(APIView):
    permission_classes = []

    def post(self, request: Request) -> Response:
        serializer = FormSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(serializer.data)


class StatementTimeout(APIView):
    permission_classes = []

    def get(self, request: Request) -> Response:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 20")
            cursor.execute("SELECT pg_sleep(5)")
        return Response({})


class Closed(APIView):
    """A view that names its roles by method, and has one method (PUT) that it forgot to name."""

    required_roles = {"GET": (Role.OPERATOR, Role.SELLER), "POST": (Role.OPERATOR,)}

    def get(self, request: Request) -> Response:
        return Response({"user": request.user.username})

    post = put = get


class Forgotten(APIView):
    """A view that declares no roles at all."""

    def get(self, request: Request) -> Response:
        return Response({})


class UserListSerializer(serializers.ModelSerializer[User]):
    class Meta:
        model = User
        fields = ("id",)


class Users(ListAPIView[User]):
    permission_classes = []
    serializer_class = UserListSerializer
    queryset = User.objects.all()
    keyset_field = "id"


class CountedUsers(Users):
    def get_count(self) -> int:
        return 42


def plain_django_view(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("secret detail")


def page(request: HttpRequest) -> HttpResponse:
    from django.utils.translation import get_language, gettext

    return HttpResponse(f"{get_language()} {gettext('Yes')}")


urlpatterns = [
    path("api/raise/<str:name>/", Raise.as_view()),
    path("api/form/", Form.as_view()),
    path("api/timeout/", StatementTimeout.as_view()),
    path("api/closed/", Closed.as_view()),
    path("api/forgotten/", Forgotten.as_view()),
    path("api/users/", Users.as_view()),
    path("api/counted/", CountedUsers.as_view()),
    path("api/plain/", plain_django_view),
    path("api/page/", page),
    path("page/", page),
    path("broken-page/", plain_django_view),
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    re_path("^api/", api_not_found),
]
