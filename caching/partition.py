"""The unit of trust: one Redis Cluster hash tag, and what this process knows of its epoch and its clock."""

import time
from dataclasses import dataclass
from typing import Final

from caching import lines
from caching.redis import CacheUnavailable

# Microseconds of Redis time after a read began during which its put is accepted.
PUT_DEADLINE_US: Final = 5_000_000
#: Random hexadecimal digits of an epoch; after them comes the mark of its relay's database.
EPOCH_DIGITS: Final = 8


def is_ours(epoch: bytes) -> bool:
    """Whether it is an epoch (or none) of the database that this process reads."""
    return not epoch or lines.is_ours(epoch[EPOCH_DIGITS:].decode())


@dataclass(frozen=True, slots=True)
class Token:
    """What a put must bring: the epoch known, and the deadline set, **before** its SELECT began."""

    epoch: str
    deadline_us: str

    def is_read_here(self) -> bool:
        """Whether it is an epoch of the database that this thread's connection reads."""
        return lines.is_read_here(self.epoch[EPOCH_DIGITS:])


class Partition:
    """Keys that live and die together, named ``{tag}:<name>``; every script works on one partition."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        # (epoch, Redis time in microseconds, this process's monotonic clock when that reply came)
        self._known: tuple[str, int, float] | None = None

    def __str__(self) -> str:
        return self.tag

    def key(self, name: str) -> str:
        """A key of this partition."""
        return f"{{{self.tag}}}:{name}"

    def keys(self, *names: str) -> list[str]:
        """Several keys of this partition."""
        return [self.key(name) for name in names]

    def learn(self, epoch: bytes, now_us: bytes) -> None:
        """Remember what a reply says of the epoch and of Redis's clock. Raises ``CacheUnavailable`` if it is
        an epoch of another database than this process reads: nothing of it is to be believed, or put."""
        text = epoch.decode()
        if not is_ours(epoch):
            self._known = None
            raise CacheUnavailable("other-database")
        self._known = (text, int(now_us), time.monotonic())

    def token(self) -> Token | None:
        """The token for a put whose SELECT begins now; None before the first reply was seen.

        An old reading can only make the put refused, never accepted wrongly.
        """
        known = self._known
        if known is None or not known[0]:
            return None
        epoch, now_us, at = known
        elapsed_us = int((time.monotonic() - at) * 1_000_000)
        return Token(epoch, str(now_us + elapsed_us + PUT_DEADLINE_US))
