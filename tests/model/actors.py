"""Who runs, and up to where? The real code in greenlets that stop before every call to a server."""

from collections.abc import Callable
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

#: What may become of a call to Redis: it succeeds; it never arrives; its reply is lost; the caller gives up
#: and the server runs it later; its reply is on the way for a while.
FATES = ("ok", "unsent", "lost", "late", "slow")


class Clock:
    """The model's time: Redis's, PostgreSQL's and every process's. It stands still until told."""

    def __init__(self) -> None:
        self.now_us = 1_800_000_000_000_000

    @property
    def now_ms(self) -> int:
        """Milliseconds, as Redis counts the lives of keys."""
        return self.now_us // 1000

    def monotonic(self) -> float:
        """In place of ``time.monotonic``."""
        return self.now_us / 1_000_000


class Actor(greenlet):
    """One request, write or relay: real code that stops where a kill, a pause or another's step may come."""

    def __init__(self, name: str, process: Any, session: Any, work: Callable[[], Any]) -> None:
        super().__init__()
        self.name, self.process, self.session = name, process, session
        self.at, self.is_waiting = "start", False
        self.result: Any = None
        self.error: Exception | None = None
        #: When and where (server) this actor's last script ran, and what it had to know (see promise.py).
        self.looked: Any = None
        self._work = work

    def run(self, *_fate: str) -> None:
        """The greenlet's body."""
        try:
            self.result = self._work()
        except Exception as error:
            self.error = error

    def go(self, until: str = "end", fate: str = "ok") -> None:
        """Run on: one ``step``, or to the next ``write``, or to where rows have been read (``reply``), or to
        the ``end``; no further than where it waits.

        ``fate`` is what becomes of the call it stands before.
        """
        self.parent = getcurrent()
        while not self.dead:
            self.is_waiting = False
            self.switch(fate)
            fate = "ok"
            if self.is_waiting or until == "step" or self.at.startswith(until):
                return

    def kill(self) -> None:
        """End it where it stands, as kill -9 would: nothing more of it is sent."""
        self.parent = getcurrent()
        self.throw(GreenletExit)


def current() -> Any:
    """The actor that runs, or None outside of any."""
    actor = getcurrent()
    return actor if isinstance(actor, Actor) else None


def pause(at: str, *, waits: bool = False) -> str:
    """Stop the running actor before what ``at`` says; returns the fate of that call.

    ``waits``: there is nothing to do for it until others have acted.
    """
    actor = current()
    if actor is None:
        return "ok"
    actor.at, actor.is_waiting = at, waits
    fate: str = actor.parent.switch()
    return fate


class Patience:
    """In place of ``threading.Event``: who waits lets the others act."""

    def is_set(self) -> bool:
        """Nobody is ever told to stop: actors are killed."""
        return False

    def wait(self, _seconds: float) -> bool:
        """Stop until the machine goes on with this actor."""
        pause("waits", waits=True)
        return False


class Promised:
    """In place of ``concurrent.futures.Future``: waiting for it lets the others act."""

    def __init__(self) -> None:
        self._outcome: tuple[Any, BaseException | None] | None = None

    def __class_getitem__(cls, _item: object) -> type["Promised"]:
        return cls

    def set_result(self, result: Any) -> None:
        """See ``Future``."""
        self._outcome = (result, None)

    def set_exception(self, error: BaseException) -> None:
        """See ``Future``."""
        self._outcome = (None, error)

    def exception(self) -> BaseException | None:
        """See ``Future``."""
        return self._wait()[1]

    def result(self) -> Any:
        """See ``Future``."""
        result, error = self._wait()
        if error is not None:
            raise error
        return result

    def _wait(self) -> tuple[Any, BaseException | None]:
        while self._outcome is None:
            pause("waits for another's read", waits=True)
        return self._outcome
