"""What of a user says who somebody is and in which roles: shown by tokens and sessions, cached with them."""

from math import inf
from typing import Any

from django.contrib.auth.hashers import is_password_usable
from django.db.models import Q

from accounts.models import SHOWN, GroupName, Membership, User
from caching.dependencies import Dependency
from caching.proofs import Proof, grounds_of

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


def note(
    environ: dict[str, Any], proof: Proof | None, principal: dict[str, Any], until: float | None
) -> None:
    """Tell the request who asks, and what proves it until when (seconds since 1970; None: for ever)."""
    grounds = grounds_of(environ)
    grounds.who = proof
    if proof is not None:
        own = ("id", "username", "first_name", "last_name", "email", "auth_hash")
        shared = [value for name, value in principal.items() if name not in own]
        grounds.until = inf if until is None else until
        # Answers to a session say so in Vary, those to a token don't.
        grounds.caller, grounds.audience = str(principal["id"]), repr((proof.cache, shared))
