"""Who may use the site, in which roles, and with which API tokens?"""

import hashlib
from collections.abc import Iterable
from typing import Any

import pgtrigger
from django.conf import settings
from django.contrib.auth.models import AbstractUser, Group
from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import OuterRef
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.roles import Role
from caching.constraints import moments
from caching.touching import OwnerLock, TouchAll, Touched, TouchTrigger, changed_columns
from caching.triggers import cached_table, version_field

#: Columns of a user that decide who somebody is: what a principal shows, or (the password) depends on.
SHOWN = ("username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser", "language")
_USERS, _MEMBERSHIPS = "accounts_user", "accounts_user_groups"
_PRINCIPALS = Touched(_USERS, (("accounts_apitoken", "user_id"), ("accounts_session", "user_id")))


def languages() -> list[tuple[str, str]]:
    """The languages a user may choose; a function, so that a new one needs no migration."""
    return list(settings.LANGUAGES)


def default_language() -> str:
    """The language of a user who chose none."""
    return settings.LANGUAGE_CODE


class User(AbstractUser):
    """A person, or a partner's system, that may log in."""

    language = models.CharField(_("language"), max_length=10, choices=languages, default=default_language)

    #: The payload that told of this user; empty: PostgreSQL did.
    principal: dict[str, Any] = {}

    class Meta(AbstractUser.Meta):
        permissions = [("rebuild_caches", _("Can have the caches rebuilt"))]
        triggers = [
            # One that was deleted may come back under its id, within a transaction.
            TouchTrigger(pgtrigger.Insert, _PRINCIPALS, "SELECT id FROM new_rows"),
            TouchTrigger(pgtrigger.Update, _PRINCIPALS, changed_columns((*SHOWN, "password"))),
        ]

    @property
    def display_name(self) -> str:
        """The name others see: the full name where there is one, else the username."""
        return self.get_full_name() or self.username

    @cached_property
    def roles(self) -> frozenset[str]:
        """Names of this user's roles: one query, kept as long as this instance lives."""
        return frozenset(self.groups.filter(name__in=Role).values_list("name", flat=True))

    @classmethod
    def of_principal(cls, principal: dict[str, Any]) -> "User":
        """The user that a principal's payload tells of; what it doesn't tell is read when it is asked for."""
        known = [field.attname for field in cls._meta.concrete_fields if field.attname in principal]
        user: User = cls.from_db("default", known, [principal[name] for name in known])
        user.roles, user.principal = frozenset(principal["roles"]), principal
        return user

    def has_usable_password(self) -> bool:
        """Whether there is a password: the head of each page asks, and a payload tells no more of it."""
        if self.principal and "password" in self.get_deferred_fields():
            return bool(self.principal["has_password"])
        return super().has_usable_password()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save it; of a principal's user, only what has been changed here: the rest may be a moment old."""
        saved = kwargs.get("update_fields")
        if self.principal and self.pk == self.principal["id"] and not args and not kwargs:
            saved = [
                name for name, value in self._loaded().items() if value != self.principal.get(name, self)
            ]
            kwargs["update_fields"] = saved
        super().save(*args, **kwargs)
        self._agree(saved)

    def refresh_from_db(self, using: Any = None, fields: Any = None, from_queryset: Any = None) -> None:
        """Read it anew; of a principal's user, what was read is no change to be saved."""
        super().refresh_from_db(using, fields, from_queryset)
        self._agree(fields)

    def _agree(self, names: Iterable[str] | None) -> None:
        """PostgreSQL holds the same of these columns (None: of all that are known) from now on."""
        if self.principal:
            loaded = self._loaded()
            same = loaded.keys() if names is None else loaded.keys() & names
            self.principal = {**self.principal, **{name: loaded[name] for name in same}}

    def _loaded(self) -> dict[str, Any]:
        """The columns that are known, and what they hold."""
        missing = self.get_deferred_fields()
        names = [field.attname for field in self._meta.concrete_fields]
        return {name: getattr(self, name) for name in names if name not in missing}

    @classmethod
    def roles_of(cls, user: str) -> ArraySubquery:
        """The names of the roles of the user that column ``user`` of another query tells."""
        groups = cls.groups.through._default_manager.filter(user=OuterRef(user), group__name__in=Role)
        return ArraySubquery(groups.values("group__name"))

    def has_role(self, *roles: Role) -> bool:
        """Whether the user has at least one of these roles. A superuser has only those it was given."""
        return not self.roles.isdisjoint(roles)


class Membership(User.groups.through):  # type: ignore[name-defined]
    """Who is in which group: here for its triggers alone, for Django makes the table by itself."""

    class Meta:
        proxy = True
        triggers = [
            TouchTrigger(pgtrigger.Insert, _PRINCIPALS, "SELECT user_id FROM new_rows"),
            TouchTrigger(
                pgtrigger.Update,
                _PRINCIPALS,
                "SELECT user_id FROM old_rows UNION SELECT user_id FROM new_rows",
            ),
            TouchTrigger(pgtrigger.Delete, _PRINCIPALS, "SELECT user_id FROM old_rows"),
            TouchAll(_PRINCIPALS),
        ]


class GroupName(Group):
    """What a group is called: a role is known by it. Here for its trigger alone."""

    class Meta:
        proxy = True
        triggers = [
            TouchTrigger(
                operation,
                _PRINCIPALS,
                f"SELECT user_id FROM {_MEMBERSHIPS} WHERE group_id IN ({groups})",  # noqa: S608
            )
            for operation, groups in (
                (pgtrigger.Insert, "SELECT id FROM new_rows"),
                (pgtrigger.Update, changed_columns(("name",))),
            )
        ]


class ApiToken(models.Model):
    """A key to the API. Only its SHA-256 is kept: 240 random bits need no slow hash, and no salt."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens", verbose_name=_("user")
    )
    name = models.CharField(_("name"), max_length=100, help_text=_("What the token is for."))
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(_("last characters"), max_length=4, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)
    version = version_field()

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        triggers = [*cached_table(key="digest"), OwnerLock(owners=_USERS, column="user_id")]
        constraints = [moments("accounts_apitoken", "expires_at", "revoked_at")]

    def __str__(self) -> str:
        return f"{self.name} (…{self.hint})"

    @staticmethod
    def digest_of(key: str) -> str:
        """What is stored of a key: SHA-256, hexadecimal."""
        return hashlib.sha256(key.encode()).hexdigest()


class Session(AbstractBaseSession):
    """Somebody's visit. ``session_key`` is the SHA-256 of the cookie's value: who reads the table can't enter
    by what it holds."""

    session_key = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="sessions")
    version = version_field()

    class Meta(AbstractBaseSession.Meta):
        triggers = [*cached_table(key="session_key"), OwnerLock(owners=_USERS, column="user_id")]
        constraints = [moments("accounts_session", "expire_date")]

    def __str__(self) -> str:
        return f"…{self.session_key[-4:]}"

    @classmethod
    def get_session_store_class(cls) -> Any:
        """Where such sessions are read and written."""
        from accounts.sessions import SessionStore

        return SessionStore
