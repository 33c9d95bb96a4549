"""What of a user says who somebody is and in which roles: shown by tokens and sessions, cached with them."""

from typing import Any

from django.contrib.auth.hashers import is_password_usable
from django.db.models import Q

from accounts.models import SHOWN, GroupName, Membership, User
from caching.dependencies import Dependency

#: Columns of the user, as a row that points to one selects them.
COLUMNS = ("user_id", *(f"user__{name}" for name in SHOWN), "user__password", "known_roles")

DEPENDS_ON = (
    Dependency(User, lambda user: Q(user=user.pk)),
    Dependency(Membership, lambda membership: Q(user=membership.user_id)),
    Dependency(GroupName, lambda group: Q(user__groups=group.pk)),
)


def annotations() -> dict[str, Any]:
    """The names of the user's roles, by the same statement."""
    return {"known_roles": User.roles_of("user_id")}


def principal_payload(row: Any) -> dict[str, Any]:
    """The user's part of a row's payload. Of the password it tells whether there is one."""
    return {
        "id": row.user_id,
        **{name: getattr(row, f"user__{name}") for name in SHOWN},
        "has_password": is_password_usable(row.user__password),
        "roles": sorted(row.known_roles),
    }


def audience(principal: dict[str, Any]) -> str:
    """Equal for all who see the same, but for what is their own: everything but who it is."""
    own = ("id", "username", "first_name", "last_name", "email")
    return repr([value for name, value in principal.items() if name not in own])
