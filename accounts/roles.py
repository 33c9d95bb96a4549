"""Which roles are there, and what may each do in the admin?"""

from enum import StrEnum
from typing import Any

from django.apps import AppConfig
from django.apps.registry import Apps
from django.apps.registry import apps as global_apps


class Role(StrEnum):
    """A role is a group of users; its value is the group's name."""

    CLIENT = "clients"
    PARTNER = "partners"
    OPERATOR = "operators"
    SELLER = "sellers"
    ENGINEER = "engineers"


# What a role sees in the admin, as Django's own "app.codename". The API asks for roles, not for these.
ADMIN_PERMISSIONS: dict[Role, tuple[str, ...]] = {
    Role.CLIENT: (),
    Role.PARTNER: (),
    Role.OPERATOR: ("mes.view_workorder",),
    Role.SELLER: (
        "shop.view_order",
        "shop.change_order",
        "mes.view_workorder",
        "mes.view_tariff",
        "mes.change_tariff",
    ),
    Role.ENGINEER: (
        "events.view_outboxevent",
        "events.change_outboxevent",
        "mes.view_tariff",
        "mes.view_workorder",
        "shop.view_order",
        "accounts.view_user",
        "accounts.rebuild_caches",
        "accounts.view_apitoken",
    ),
}


def ensure_groups(*, sender: AppConfig, using: str, apps: Apps = global_apps, **_: Any) -> None:
    """After an app's migrations: make the role groups and give them that app's admin permissions.

    Runs as often as wanted. It only ever adds: a permission that somebody gave to a group stays. Permissions
    are made by django.contrib.auth in the same signal, so that app must stand before this one in
    INSTALLED_APPS; one whose app is not migrated yet is granted when it is.
    """
    wanted = {
        (role, codename)
        for role, permissions in ADMIN_PERMISSIONS.items()
        for label, _dot, codename in (permission.partition(".") for permission in permissions)
        if label == sender.label
    }
    if not wanted and sender.label != "accounts":
        return
    try:
        group_model, permission_model = apps.get_model("auth", "Group"), apps.get_model("auth", "Permission")
    except LookupError:  # auth itself was migrated back to nothing
        return
    new = [group_model(name=role.value) for role in Role]
    group_model.objects.using(using).bulk_create(new, ignore_conflicts=True)
    groups = dict(group_model.objects.using(using).filter(name__in=Role).values_list("name", "pk"))
    permission_ids = dict(
        permission_model.objects.using(using)
        .filter(content_type__app_label=sender.label, codename__in={codename for _role, codename in wanted})
        .values_list("codename", "pk")
    )
    through = group_model.permissions.through
    granted = [
        through(group_id=groups[role], permission_id=permission_ids[codename])
        for role, codename in wanted
        if codename in permission_ids
    ]
    through.objects.using(using).bulk_create(granted, ignore_conflicts=True)
