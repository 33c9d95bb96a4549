"""How can somebody who was shown something learn whether it still holds, without being told it again?"""

from dataclasses import dataclass
from typing import Any

from caching.redis import Call


@dataclass(frozen=True, slots=True)
class Proof:
    """A call whose reply said something, and what it said.

    Each reading script answers {state, epoch, now, ...}: what follows is all that anybody is shown. So what
    was shown still holds if the reply is "same", or the same words again. ``cache`` is whose hits it counts
    among ('' = nobody's).
    """

    call: Call
    said: tuple[Any, ...] = ()
    cache: str = ""

    def holds(self, reply: Any) -> bool:
        """Whether the call's reply of now says the same; an error says nothing."""
        if not isinstance(reply, list):
            return False
        return reply[0] == b"same" or (reply[0] == b"hit" and tuple(reply[3:]) == self.said)
