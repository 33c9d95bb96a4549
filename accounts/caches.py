"""Who asks, without SQL: API tokens and sessions as cached rows, each with its user and roles."""

from typing import Any

from accounts import principals
from accounts.models import ApiToken, Session, User
from caching.entity import EntityCache

#: Seconds a token or a session that nobody uses stays cached.
TTL = 3600


def token_payload(token: Any) -> dict[str, Any]:
    """An API token; ``expires_at`` in seconds since 1970."""
    return {
        "revoked": token.revoked_at is not None,
        "expires_at": token.expires_at and token.expires_at.timestamp(),
        "user": principals.principal_payload(token),
    }


def session_payload(session: Any) -> dict[str, Any]:
    """A session; ``auth_hash`` is what a login that still counts has in it (a keyed hash of the password)."""
    user = None
    if session.user_id is not None:
        user = principals.principal_payload(session)
        user["auth_hash"] = User(password=session.user__password).get_session_auth_hash()
    return {"data": session.session_data, "expires_at": session.expire_date.timestamp(), "user": user}


TOKENS = EntityCache(
    name="accounts.tokens",
    status_name="api-token",
    model=ApiToken,
    key="digest",
    render=token_payload,
    columns=("digest", "revoked_at", "expires_at", "version", *principals.COLUMNS),
    annotations=principals.annotations,
    depends_on=principals.DEPENDS_ON,
    owner="user_id",
    ttl=lambda: TTL,
    signed=True,
    remembers_missing=False,
)
SESSIONS = EntityCache(
    name="accounts.sessions",
    status_name="session",
    model=Session,
    key="session_key",
    render=session_payload,
    columns=("session_key", "session_data", "expire_date", "version", *principals.COLUMNS),
    annotations=principals.annotations,
    depends_on=principals.DEPENDS_ON,
    owner="user_id",
    ttl=lambda: TTL,
    signed=True,
    remembers_missing=False,
)
