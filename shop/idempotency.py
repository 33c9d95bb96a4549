"""How a repeated request gets the answer of the first: the Idempotency-Key header.

After draft-ietf-httpapi-idempotency-key-header: the answer is stored in the transaction of the work, so a
crash leaves neither; "still running" is an advisory lock of that transaction, so it can't outlive a crash.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from events.errors import DomainError
from shop.models import IdempotencyKey
from shop.tasks import IDEMPOTENCY_KEPT

Answer = tuple[int, dict[str, Any]]


class IdempotencyKeyReused(DomainError):
    """The key came with another body before."""

    code = "idempotency_key_reused"
    status = 422


class IdempotencyInProgress(DomainError):
    """The first request with this key is still running."""

    code = "idempotency_in_progress"
    status = 409


class IdempotencyKeyInvalid(DomainError):
    """The key is not one."""

    code = "malformed_request"
    status = 400


def answer_once(user: User, key: str, request: Any, work: Callable[[], Answer]) -> tuple[Answer, bool]:
    """The stored answer to this key, or that of ``work`` done and stored now: (answer, whether replayed).

    ``request`` is the request's body as JSON-ready values.
    """
    if not 1 <= len(key) <= 255 or not key.isprintable():
        raise IdempotencyKeyInvalid("Idempotency-Key must be 1 to 255 printable characters.")
    digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    with transaction.atomic():
        if not _try_lock(user, key):
            raise IdempotencyInProgress(
                "The first request with this key is still running.", headers={"Retry-After": "1"}
            )
        known = IdempotencyKey.objects.filter(user=user, key=key).first()
        if known and known.created_at < timezone.now() - IDEMPOTENCY_KEPT:
            known.delete()
            known = None
        if known is None:
            status, body = work()
            IdempotencyKey.objects.create(user=user, key=key, request_digest=digest, status=status, body=body)
            return (status, body), False
        if known.request_digest != digest:
            raise IdempotencyKeyReused("This key came with another body before.")
        return (known.status, known.body), True


def _try_lock(user: User, key: str) -> bool:
    """An advisory lock on (user, key) until the transaction ends; false when another holds it."""
    digest = hashlib.blake2b(f"{user.pk}:{key}".encode(), digest_size=8).digest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [int.from_bytes(digest, signed=True)])
        return bool(cursor.fetchone()[0])
