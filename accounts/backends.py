"""How does a request learn who its user is and what the user may do, in one statement?"""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Q, Value
from django.db.models.functions import Concat

from accounts.models import User


class OneStatementBackend(ModelBackend):
    """Django's own backend; it reads a session's user with roles and permissions at once, not in turn."""

    def get_user(self, user_id: int) -> User | None:
        """The user of a session, or None if there is no such active user any more."""
        allowed = Permission.objects.filter(Q(user=OuterRef("pk")) | Q(group__user=OuterRef("pk")))
        name = Concat("content_type__app_label", Value("."), "codename")
        user = (
            User.objects.filter(pk=user_id, is_active=True)
            .annotate(
                known_roles=User.roles_of("pk"),
                known_permissions=ArraySubquery(allowed.order_by().values_list(name).distinct()),
            )
            .first()
        )
        if user is not None:
            user.roles = frozenset(user.known_roles)
        return user

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """What the user may do; without another question where the user came from :meth:`get_user`."""
        known = getattr(user_obj, "known_permissions", None)
        if known is None or obj is not None or user_obj.is_superuser or not user_obj.is_active:
            return super().get_all_permissions(user_obj, obj)
        return set(known)
