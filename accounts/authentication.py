"""Whose API token does a request carry?"""

import json
import time

from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed

from accounts.caches import TOKENS
from accounts.models import ApiToken, User


class TokenAuthentication(authentication.TokenAuthentication):
    """``Authorization: Token <key>``, looked up by the key's digest: in the cache, which can be trusted, or
    by one query, user and roles included."""

    def authenticate_credentials(self, key: str) -> tuple[User, None]:
        """The user. A token that is unknown, expired, revoked or of an inactive user is a 401."""
        found = TOKENS.read(ApiToken.digest_of(key))
        if found.payload is not None:
            token = json.loads(found.payload)
            is_over = token["expires_at"] is not None and token["expires_at"] <= time.time()
            if token["user"]["is_active"] and not token["revoked"] and not is_over:
                return User.of_principal(token["user"]), None
        raise AuthenticationFailed("Invalid token.")
