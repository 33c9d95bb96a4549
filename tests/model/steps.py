"""What is a step of the machine, of what is chosen in one, and who is on the stage meanwhile?"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.model.actors import FATES, Actor
from tests.model.items import KEYS
from tests.model.postgres import Session
from tests.model.world import World

MOST_ACTORS = 5
OPERATIONS = ("edit", "move", "melt", "delete")
SERVER_FAULTS = ("replicate", "fail over", "empty", "restore", "down", "up")
DISASTERS = ("kill relay", "kill web", "rollback", "truncate", "kill postgres")
web_numbers = st.integers(0, 1)
# Most of what can go wrong does so among those who want the same row, while the fence stands.
keys = st.sampled_from((KEYS[0], KEYS[0], *KEYS))
operations = st.sampled_from(OPERATIONS)
stops = st.sampled_from(("end", "write", "write", "reply", "step"))
layers = st.sampled_from(("signals", "stopped signals", "none"))
fates = st.sampled_from(("ok",) * 3 + FATES[1:])
times_ms = st.sampled_from((30, 300, 1_100, 2_100, 5_100, 71_000))
relays_pass = st.sampled_from((True, True, False))


def step(decorate: Any = rule, only_if: Callable[["Stage"], Any] | None = None, **arguments: Any) -> Any:
    """A rule that is written down when it is taken, so that its sequence can be kept and replayed.

    ``only_if`` spares the machine steps that would do nothing.
    """

    def decorator(function: Any) -> Any:
        @wraps(function)
        def taken(self: "Stage", **values: Any) -> None:
            if not self.is_inside:  # some steps are made of others
                self.steps.append((function.__name__, values))
            was_inside, self.is_inside = self.is_inside, True
            try:
                function(self, **values)
            finally:
                self.is_inside = was_inside

        made = decorate(**arguments)(taken)
        return precondition(only_if)(made) if only_if else made

    return decorator


class Stage(RuleBasedStateMachine):
    """The world, and who stands somewhere in it."""

    #: What is taken from the engine, if anything; set by who runs the machine.
    make_world: Callable[[], World] = World

    def __init__(self) -> None:
        super().__init__()
        self.world = self.make_world()
        self.actors: list[tuple[Actor, Callable[[Actor], None]]] = []
        self.transactions: dict[int, tuple[Session, dict[str, int]]] = {}
        self.steps: list[tuple[str, dict[str, Any]]] = []
        self.is_inside = False
        self.has_disasters = True
        self.broken_by: BaseException | None = None

    def enter(self, actor: Actor, stop: str, check: Callable[[Actor], None]) -> None:
        """Let somebody begin, and stop where told; ``check`` looks at what it was told when it has ended."""
        actor.go("end" if len(self.actors) >= MOST_ACTORS else stop)
        self.actors.append((actor, check))
