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


@transaction.atomic
def token_revoke(*, token: ApiToken) -> bool:
    """Close the token for good; returns False when it was closed before (the first time stands)."""
    locked = ApiToken.objects.select_for_update().get(pk=token.pk)
    if is_new := locked.revoked_at is None:
        locked.revoked_at = timezone.now()
        locked.save(update_fields=["revoked_at"])
    token.revoked_at = locked.revoked_at
    return is_new
