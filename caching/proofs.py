"""How can somebody who was shown something learn whether it still holds, without being told it again?"""

from dataclasses import dataclass, field
from math import inf
from typing import Any, Final

from caching.partition import is_ours
from caching.redis import Call

#: Where a request's environment holds its :class:`Grounds`, if anybody wants to know them.
GROUNDS: Final = "caching.grounds"


@dataclass(frozen=True, slots=True)
class Proof:
    """A call whose reply said something, and what it said.

    Each reading script answers {state, epoch, now, ...}: what follows is all that anybody is shown. So what
    was shown still holds if the reply is "same"; or, to a call that says nothing of what is known, the same
    words again. ``cache`` is whose hits it counts
    among ('' = nobody's).
    """

    call: Call
    said: tuple[Any, ...] = ()
    cache: str = ""

    def holds(self, reply: Any) -> bool:
        """Whether the call's reply of now says the same; an error says nothing, nor does what another
        database's relay keeps."""
        if not isinstance(reply, list) or not is_ours(reply[1]):
            return False
        is_told_in_full = reply[0] == b"hit" and not self.call.known
        return reply[0] == b"same" or (is_told_in_full and tuple(reply[3:]) == self.said)

    def in_full(self, reply: Any) -> Any:
        """The reply as who does not know what was said would have had it."""
        if self.said and isinstance(reply, list) and reply[0] == b"same":
            return [b"hit", *reply[1:3], *self.said]
        return reply


@dataclass(slots=True)
class Grounds:
    """What an answer rests on: each who gives a part of it says so here, on the way.

    ``who`` proves who asked, ``until`` (seconds since 1970) that ends by itself; ``caller`` is the same
    for the same user, ``audience`` for all users who may see the same. ``what`` proves what was shown, to
    the whole audience where ``is_shared``, but for the callers ``apart``, who see something of their own;
    ``said_until`` it may be said again.
    ``is_throttled``: such requests are counted for each caller; ``view`` is the name their metrics have.
    """

    who: Proof | None = None
    until: float = inf
    caller: str = ""
    audience: str = ""
    what: tuple[Proof, ...] = ()
    said_until: float = inf
    is_shared: bool = False
    apart: frozenset[str] = field(default_factory=frozenset)
    is_throttled: bool = False
    view: str = ""


def grounds_of(environ: dict[str, Any]) -> Grounds:
    """The request's grounds; where nobody wants to know them, some that are thrown away."""
    grounds = environ.get(GROUNDS)
    return grounds if isinstance(grounds, Grounds) else Grounds()
