"""How many requests may one user make?"""

import time
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from caching.proofs import grounds_of

if TYPE_CHECKING:  # rest_framework.views imports this module: it is named in its settings
    from rest_framework.views import APIView


class RateLimiter:
    """The generic cell rate algorithm (GCRA, ITU-T I.371): per key one number, the time its debt is paid.

    ``rate`` requests a second in the long run, ``burst`` at once after a rest. At most ``most_keys`` keys are
    remembered; the one that asked longest ago is forgotten first, and starts anew. Safe among threads.
    """

    def __init__(
        self,
        rate: float,
        burst: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        most_keys: int = 10_000,
    ) -> None:
        self.interval = 1 / rate
        self.tolerance = burst / rate
        self.clock = clock
        self.most_keys = most_keys
        self._paid_at: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def wait_for(self, key: str) -> float:
        """0.0 when the request is admitted (and counted), else the seconds until one would be."""
        with self._lock:
            now = self.clock()
            paid_at = max(self._paid_at.get(key, now), now) + self.interval
            if (wait := paid_at - now - self.tolerance) > 1e-9:
                return wait
            self._paid_at[key] = paid_at
            self._paid_at.move_to_end(key)
            if len(self._paid_at) > self.most_keys:
                self._paid_at.popitem(last=False)
            return 0.0


@cache
def _limiter(rate: float) -> RateLimiter:
    """This process's limiter; a burst is what two seconds allow."""
    return RateLimiter(rate, burst=max(1, round(2 * rate)))


def admit(user: int | str) -> bool:
    """Whether one more request of this user may go on; it is counted if it may."""
    rate: float = settings.THROTTLE_RATE
    return not rate or not _limiter(rate).wait_for(f"user {user}")


class UserThrottle(BaseThrottle):
    """THROTTLE_RATE requests a second for each user, or each address when anonymous.

    The limit is per process: each web worker counts for itself, so a user may get up to rate x workers. It
    protects the server from a runaway client, it doesn't sell quotas; and a counter in Redis or PostgreSQL
    would cost each request a round trip and make a limit out of their outage.
    """

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Whether the request may go on."""
        rate: float = settings.THROTTLE_RATE
        if not rate:
            return True
        user = request.user
        key = f"user {user.pk}" if user.is_authenticated else f"address {request.META.get('REMOTE_ADDR')}"
        grounds_of(request.META).is_throttled = True
        self._wait = _limiter(rate).wait_for(key)
        return not self._wait

    def wait(self) -> float:
        """Seconds until the next request would be admitted."""
        return self._wait
