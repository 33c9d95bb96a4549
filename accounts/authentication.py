"""Whose API token does a request carry?"""

from rest_framework import authentication
from rest_framework.exceptions import AuthenticationFailed

from accounts.models import ApiToken, User


class TokenAuthentication(authentication.TokenAuthentication):
    """``Authorization: Token <key>``, looked up by the key's digest: one query, user and roles included."""

    def authenticate_credentials(self, key: str) -> tuple[User, ApiToken]:
        """The user and the token. One that is unknown, expired, revoked or of an inactive user is a 401."""
        try:
            tokens = ApiToken.objects.usable().for_key(key)
            token = tokens.annotate(known_roles=User.roles_of("user_id")).get()
        except ApiToken.DoesNotExist:
            raise AuthenticationFailed("Invalid token.") from None
        token.user.roles = frozenset(token.known_roles)
        return token.user, token
