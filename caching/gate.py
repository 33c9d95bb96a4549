"""A gate before a row many want at once: it turns the crowd away before the database is asked, and decides
nothing. Without it the database answers them all, as correctly."""

import json
import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from django.conf import settings

from caching.lines import installation, line
from caching.redis import CacheUnavailable, Script, call

ENTER = Script("gate_enter")
LEAVE = Script("gate_leave")
OPEN = Script("gate_open")

#: Seconds somebody waits before a gate that another is just passing.
PATIENCE: Final = 0.2
_pause = threading.Event()


class Closed(Exception):
    """Somebody else has passed; ``winner`` is what they said of themselves."""

    def __init__(self, winner: Any) -> None:
        super().__init__(winner)
        self.winner = winner


class Busy(Exception):
    """Somebody else is passing right now and may still fail."""


class Gate:
    """One gate for each key of a name. What it remembers it forgets after B."""

    def __init__(self, name: str) -> None:
        self.name = name

    def key(self, key: str) -> str:
        """Where the gate of this key is: a partition of its own."""
        return f"{{{self.name}.{installation()}.{line().mark}.{key}}}:gate"

    @contextmanager
    def passing(self, key: str, who: Any) -> Iterator[None]:
        """Do in this block what only one can: committed when it ends, not when it raises.

        ``who`` is JSON-ready; the winner may come again. Raises :class:`Closed` or :class:`Busy`. The block
        may raise :class:`Closed` too, when it learns who has passed before: then the others learn it here.
        """
        mine = json.dumps({"pending": uuid.uuid4().hex})
        entered = self._enter(key, mine, who)
        behind = ""
        try:
            yield
            behind = json.dumps({"won": who})
        except Closed as closed:
            behind = json.dumps({"won": closed.winner})
            raise
        finally:
            if entered:
                self._leave(key, mine, behind)

    def open(self, key: str) -> None:
        """Open the gate: what had been won was given back."""
        with suppress(CacheUnavailable):  # it opens by itself within B
            call(OPEN, [self.key(key)])

    def _enter(self, key: str, mine: str, who: Any) -> bool:
        """True when this caller may hold the gate and has to leave it; false when it is the winner again."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                held = call(ENTER, [self.key(key)], (mine, self._life_ms()))
            except CacheUnavailable:
                return True  # it was perhaps only the reply that was lost
            if not held:
                return True
            state = json.loads(held)
            if "won" in state:
                if state["won"] == who:
                    return False
                raise Closed(state["won"])
            if time.monotonic() >= deadline:
                raise Busy
            _pause.wait(random.uniform(0.005, 0.02))  # noqa: S311 - jitter

    def _leave(self, key: str, mine: str, behind: str) -> None:
        with suppress(CacheUnavailable):  # what it holds ends within B
            call(LEAVE, [self.key(key)], (mine, behind, self._life_ms()))

    def _life_ms(self) -> int:
        return int(settings.CACHE_FENCE_SECONDS * 1000)
