"""Whose API token does a request carry?"""

from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed

from accounts.models import ApiToken, User


class TokenAuthentication(authentication.TokenAuthentication):
    """``Authorization: Token <key>``, looked up by the key's digest: one query, user included."""

    def authenticate_credentials(self, key: str) -> tuple[User, ApiToken]:
        """The user and the token. One that is unknown, expired, revoked or of an inactive user is a 401."""
        try:
            token = ApiToken.objects.usable().for_key(key).get()
        except ApiToken.DoesNotExist:
            raise AuthenticationFailed("Invalid token.") from None
        return token.user, token
