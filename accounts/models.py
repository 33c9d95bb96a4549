"""Who may use the site, in which roles, and with which API tokens?"""

import hashlib
from typing import Self

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import OuterRef, Q
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.roles import Role


def languages() -> list[tuple[str, str]]:
    """The languages a user may choose; a function, so that a new one needs no migration."""
    return list(settings.LANGUAGES)


def default_language() -> str:
    """The language of a user who chose none."""
    return settings.LANGUAGE_CODE


class User(AbstractUser):
    """A person, or a partner's system, that may log in."""

    language = models.CharField(_("language"), max_length=10, choices=languages, default=default_language)

    class Meta(AbstractUser.Meta):
        permissions = [("rebuild_caches", _("Can have the caches rebuilt"))]

    @property
    def display_name(self) -> str:
        """The name others see: the full name where there is one, else the username."""
        return self.get_full_name() or self.username

    @cached_property
    def roles(self) -> frozenset[str]:
        """Names of this user's roles: one query, kept as long as this instance lives."""
        return frozenset(self.groups.filter(name__in=Role).values_list("name", flat=True))

    @classmethod
    def roles_of(cls, user: str) -> ArraySubquery:
        """The names of the roles of the user that column ``user`` of another query tells."""
        groups = cls.groups.through._default_manager.filter(user=OuterRef(user), group__name__in=Role)
        return ArraySubquery(groups.values("group__name"))

    def has_role(self, *roles: Role) -> bool:
        """Whether the user has at least one of these roles. A superuser has only those it was given."""
        return not self.roles.isdisjoint(roles)


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """Which tokens open the door?"""

    def usable(self) -> Self:
        """Neither revoked nor expired, and of an active user."""
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=timezone.now()), revoked_at=None, user__is_active=True
        )

    def for_key(self, key: str) -> Self:
        """The token with this key (or none), its user fetched by the same query."""
        return self.filter(digest=ApiToken.digest_of(key)).select_related("user")


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

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")

    def __str__(self) -> str:
        return f"{self.name} (…{self.hint})"

    @staticmethod
    def digest_of(key: str) -> str:
        """What is stored of a key: SHA-256, hexadecimal."""
        return hashlib.sha256(key.encode()).hexdigest()
