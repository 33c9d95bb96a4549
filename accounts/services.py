"""How is a token issued, and how taken back?"""

import secrets
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.models import ApiToken, User


@transaction.atomic
def token_issue(
    *, user: User, name: str, expires_at: datetime | None = None, key: str | None = None
) -> tuple[ApiToken, str]:
    """Make a token and return it with its key, which nobody can read again.

    The key is 40 random url-safe characters (240 bits) unless the demo seed brings its own. Raises
    ValidationError when the name is empty or the key already exists.
    """
    key = key or secrets.token_urlsafe(30)
    token = ApiToken(
        user=user, name=name, expires_at=expires_at, digest=ApiToken.digest_of(key), hint=key[-4:]
    )
    token.full_clean()
    token.save()
    return token, key


def token_revoke(*, token: ApiToken) -> bool:
    """Close the token for good; returns False when it was closed before (the first time stands)."""
    revoked = ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    token.refresh_from_db(fields=["revoked_at"])
    return bool(revoked)
