"""Does the machine find each mutant, and after how many steps? ``python -m tests.model.mutants --help``."""

import argparse
import math
import os
import statistics
import sys
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if __name__ == "__main__":  # pytest has done it
    import django

    import tests.environment  # noqa: F401 - the servers

    django.setup()

from tests.model.hunting import hunt, replay, shorten
from tests.model.mutation import Mutant
from tests.model.safeguards import MUTANTS, OTHERS
from tests.model.sequences import Steps, save

SEEDS = 5
MOST_EXAMPLES = 2000


def main() -> int:
    """Hunt each mutant with several seeds; print the table; 1 if one that matters was not found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these mutants")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument(
        "--examples", type=int, default=MOST_EXAMPLES, help="most examples a hunt, of 50 steps"
    )
    parser.add_argument("--write", action="store_true", help="keep the shortest sequence that shows each one")
    parser.add_argument("--stories", action="store_true", help="tell what happens in the shortest sequence")
    options = parser.parse_args()
    missed = 0
    _say(f"{'removed':26} {'found after':14} {'each seed':36} {'shortest':8} took")
    for mutant in (*MUTANTS, *OTHERS):
        if not options.names or mutant.name in options.names:
            got_away = _row(mutant, options)
            missed += got_away and mutant in MUTANTS
    return min(missed, 1)


def _row(mutant: Mutant, options: argparse.Namespace) -> bool:
    """One line of the table; true if the mutant got away, or what was found is no fault of the mutant's."""
    began = time.monotonic()
    hunts = [hunt(mutant, seed_number=n, examples=options.examples) for n in range(1, options.seeds + 1)]
    found = [prey for prey in hunts if prey.sequence]
    shared = [prey.sequence for prey in found if replay(prey.sequence).violation]
    shortest: Steps = []
    if options.write or options.stories:  # it takes far longer than the hunt
        shortest = min((shorten(prey.sequence, mutant) for prey in found), key=len, default=[])
    median = f"{statistics.median(prey.steps if prey.sequence else math.inf for prey in hunts):.0f}"
    if len(found) < len(hunts):
        median += f" in {len(found)} of {len(hunts)}"
    each = " ".join(str(prey.steps) if prey.sequence else "-" for prey in hunts)
    _say(f"{mutant.name:26} {median:14} {each:36} {len(shortest) or '':8} {time.monotonic() - began:5.0f} s")
    if options.stories and shortest:
        prey = replay(shortest, mutant)
        _say("\n".join(f"    {name} {values}" for name, values in shortest))
        _say(f"{prey.story}\n{prey.violation}\n")
    if options.write and shortest:
        save(mutant.name, shortest)
    for sequence in shared:
        _say(f"    THE WHOLE PROTOCOL breaks its promise too, by {sequence}")
    return bool(shared) or len(found) < len(hunts)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
