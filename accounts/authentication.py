"""Whose API token does a request carry?"""

import json
import time
from typing import Any

from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts.caches import TOKENS
from accounts.models import ApiToken, User
from accounts.principals import note
from caching.entity import Found


class TokenAuthentication(authentication.TokenAuthentication):
    """``Authorization: Token <key>``, looked up by the key's digest: in the cache, which can be trusted, or
    by one query, user and roles included."""

    found: Found
    token: dict[str, Any]

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """The user, if the request carries a token; see :meth:`authenticate_credentials`."""
        known: tuple[User, None] | None = super().authenticate(request)
        if known is not None:
            note(request.META, self.found.proof, self.token["user"], self.token["expires_at"])
        return known

    def authenticate_credentials(self, key: str) -> tuple[User, None]:
        """The user. A token that is unknown, expired, revoked or of an inactive user is a 401."""
        found = self.found = TOKENS.read(ApiToken.digest_of(key))
        if found.payload is not None:
            token = self.token = json.loads(found.payload)
            is_over = token["expires_at"] is not None and token["expires_at"] <= time.time()
            if token["user"]["is_active"] and not token["revoked"] and not is_over:
                return User.of_principal(token["user"]), None
        raise AuthenticationFailed("Invalid token.")
