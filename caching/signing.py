"""How can a payload be trusted that lies where others may write? It is signed with a key of our own."""

import hashlib
import hmac
from functools import lru_cache
from typing import Final

from django.conf import settings

#: Bytes in front of a signed payload: HMAC-SHA256 (RFC 2104).
SIGNATURE: Final = 32


@lru_cache(maxsize=8)
def _key(secret: str) -> bytes:
    return hashlib.sha256(b"caching.signing\0" + secret.encode()).digest()


def key_id() -> str:
    """Tells keys apart without telling one: processes with different keys share no rows."""
    return hmac.digest(_key(settings.SECRET_KEY), b"id", "sha256").hex()[:8]


def sign(name: bytes, payload: bytes) -> bytes:
    """The payload with its signature in front; it is valid under this name alone."""
    return _signature(name, payload) + payload


def verified(name: bytes, signed: bytes) -> bytes | None:
    """The payload, or None if it was not signed with our key under this name."""
    signature, payload = signed[:SIGNATURE], signed[SIGNATURE:]
    return payload if hmac.compare_digest(signature, _signature(name, payload)) else None


def _signature(name: bytes, payload: bytes) -> bytes:
    return hmac.digest(_key(settings.SECRET_KEY), name + b"\0" + payload, "sha256")
