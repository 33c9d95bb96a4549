"""How the machine is run: at random from a seed, or along a given sequence of steps."""

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.mutation import Mutant
from tests.model.promise import Violation
from tests.model.races import Races
from tests.model.sequences import Steps
from tests.model.world import World

STEPS_AN_EXAMPLE = 50
#: Hypothesis follows each example by five variations of it, from the eleventh on; so a hunt goes in rounds.
#: Each begins with the simplest example, one step over and over.
ROUND = 10


@dataclass
class Prey:
    """What a hunt brought: how many steps were taken and hits judged until a violation, and the sequence
    that showed it; none if the mutant got away."""

    steps: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    sequence: Steps = field(default_factory=list)
    violation: str = ""
    story: str = ""


def machine_for(mutant: Mutant | None, prey: Prey) -> type[Races]:
    """The machine with the whole engine, or with a mutant of it; ``prey`` gets what it finds first."""

    class Hunter(Races):
        make_world = staticmethod(mutant.world if mutant else World)

        def teardown(self) -> None:
            try:
                super().teardown()
            finally:
                if not prey.sequence:
                    prey.steps += len(self.steps)
                    prey.hits += self.world.watcher.hits
                    if isinstance(self.broken_by, Violation):
                        prey.sequence, prey.violation = self.steps, str(self.broken_by)
                        prey.story = self.world.told()

    return Hunter


def hunt(mutant: Mutant | None, *, seed_number: int, examples: int) -> Prey:
    """Take steps at random until a violation is met, or ``examples`` sequences are over."""
    prey = Prey()
    run = settings(
        max_examples=ROUND, stateful_step_count=STEPS_AN_EXAMPLE, database=None, deadline=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate], report_multiple_bugs=False,
    )  # fmt: skip
    with suppress(Violation):
        for number in range(-(-examples // ROUND)):
            machine = seed(seed_number * 100_000 + number)(machine_for(mutant, prey))
            run_state_machine_as_test(machine, settings=run)
    return prey


def replay(steps: Steps, mutant: Mutant | None = None) -> Prey:
    """Take the given steps, then let the dust settle."""
    prey = Prey()
    machine = machine_for(mutant, prey)()
    try:
        with suppress(Violation):
            for name, values in steps:
                getattr(machine, name)(**values)
                machine.check()
    finally:
        with suppress(Violation):
            machine.teardown()
    return prey


def shorten(steps: Steps, mutant: Mutant | None) -> Steps:
    """Leave out whatever can be left out while there still is a violation (delta debugging, Zeller 1999)."""
    size = len(steps) // 2
    while size:
        start = 0
        while start < len(steps):
            shorter = steps[:start] + steps[start + size :]
            if shorter and replay(shorter, mutant).sequence:
                steps = shorter
            else:
                start += size
        size //= 2
    return steps
