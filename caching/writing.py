"""How a row that was read from PostgreSQL gets into a cache, so that no late reader undoes a newer write."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from caching.partition import Partition, Token
from caching.redis import CacheUnavailable

T = TypeVar("T")


def put_fresh(
    partition: Partition,
    read: Callable[[], T],
    put: Callable[[Token, T], Sequence[Any]],
) -> tuple[T, CacheUnavailable | None]:
    """Read rows and put them, twice at most; what was read last, and why it was not put (None: it was).

    1. Copy epoch and deadline **before** the SELECT. 2. Read, from the database that the epoch is of. 3. Put.
    A refusal (the epoch had changed, the deadline had passed) brings both anew: read again, for what was read
    may be older than what was cached and lost meanwhile, and put once more.

    ``put`` returns the reply of its script: (outcome, epoch, now). Only ``read`` may raise.
    """
    for _attempt in range(2):
        token = partition.token()
        rows = read()
        if token is None:  # no relay has begun this partition: there is nothing to put into
            return rows, CacheUnavailable("no-fence", "no relay has begun")
        if not token.is_read_here():
            return rows, CacheUnavailable("other-database")
        try:
            outcome, epoch, now_us = put(token, rows)
            partition.learn(epoch, now_us)
        except CacheUnavailable as trouble:
            return rows, trouble
        if outcome != b"refused":
            return rows, None
    return rows, CacheUnavailable("refused", "a rebuild or a very slow read, twice in a row")
