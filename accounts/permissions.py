"""May a user of this role call this view?"""

from collections.abc import Mapping

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.roles import Role

RequiredRoles = tuple[Role, ...] | Mapping[str, tuple[Role, ...]]


def required_roles(view: APIView, method: str) -> tuple[Role, ...]:
    """The roles that ``view.required_roles`` names for an HTTP method (HEAD asks what GET asks).

    A view declares one tuple for all methods or a mapping by method; one that declares nothing raises
    AttributeError, so that nothing is ever open by omission. A method it doesn't name needs no role: the
    view itself answers 405.
    """
    declared: RequiredRoles = view.required_roles  # type: ignore[attr-defined]
    if isinstance(declared, Mapping):
        return declared.get("GET" if method == "HEAD" else method, tuple(Role))
    return declared


class HasRole(BasePermission):
    """Lets a logged-in user through who has one of the roles that the view requires."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the user has one; an anonymous user never has."""
        if not request.user.is_authenticated:
            return False
        return request.user.has_role(*required_roles(view, request.method or "GET"))
