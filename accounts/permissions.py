"""May a user of this role call this view?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.roles import Role

if TYPE_CHECKING:  # rest_framework.views imports this module: it is named in its settings
    from rest_framework.views import APIView

RequiredRoles = tuple[Role, ...] | Mapping[str, tuple[Role, ...]]


class HasRole(BasePermission):
    """Lets a logged-in user through who has one of the roles in the view's ``required_roles``.

    A view declares one tuple for all methods, or a mapping by method. Nothing is open by omission: a view
    that declares nothing raises AttributeError, and a method it implements but doesn't name is refused.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        """Whether the user may call this method of the view; an anonymous user never may."""
        if not request.user.is_authenticated:
            return False
        declared: RequiredRoles = view.required_roles  # type: ignore[attr-defined]
        if not isinstance(declared, Mapping):
            return request.user.has_role(*declared)
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method in declared:
            return request.user.has_role(*declared[method])
        return method == "OPTIONS" or not hasattr(view, method.lower())  # the view itself answers 405
