"""How does a request learn what its user may do, in one statement?"""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.db.models import Q, Value
from django.db.models.functions import Concat


class OneStatementBackend(ModelBackend):
    """Django's own backend; it reads what a user may do, himself and by his groups, at once."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """What the user may do, as "app.codename"; asked once for each instance."""
        if obj is not None or user_obj.is_superuser or not user_obj.is_active or user_obj.is_anonymous:
            return super().get_all_permissions(user_obj, obj)
        if not hasattr(user_obj, "_known_permissions"):
            allowed = Permission.objects.filter(Q(user=user_obj.pk) | Q(group__user=user_obj.pk))
            name = Concat("content_type__app_label", Value("."), "codename")
            user_obj._known_permissions = set(allowed.order_by().values_list(name, flat=True).distinct())
        known: set[str] = user_obj._known_permissions
        return known
