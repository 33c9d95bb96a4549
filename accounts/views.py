"""What does every view of the API know: who calls, in which roles it must be, and how a list is answered?"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.db.models import Model, QuerySet
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response

from accounts.models import User
from accounts.permissions import RequiredRoles

M = TypeVar("M", bound=Model)


class RoleView(GenericAPIView[M]):
    """A view for callers of certain roles (``required_roles``, see ``HasRole``)."""

    required_roles: RequiredRoles
    http_method_names = [
        "get",
        "head",
        "post",
        "put",
        "patch",
        "delete",
    ]  # Allow names no OPTIONS, see settings

    @property
    def user(self) -> User:
        """Who calls; HasRole has let no anonymous caller through."""
        return cast(User, self.request.user)

    def answer_page(self, rows: QuerySet[M], render: Callable[[M], dict[str, Any]]) -> Response:
        """One page of the rows, each rendered."""
        page = self.paginate_queryset(rows) or []
        return self.get_paginated_response([render(row) for row in page])
