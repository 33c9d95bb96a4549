"""In which order are things broken, with how much calm between them, and what is said meanwhile?"""

import random
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.chaos.checker import Finding
from tests.chaos.faults import FAULTS, wait
from tests.chaos.notes import READ, Fault, Notebook, now
from tests.chaos.site import Site

#: Seconds of calm before each fault, at least and at most: hits are to come back in between.
CALM = (3.0, 8.0)
LOOK = 0.5  # seconds between two looks at the site


class Breaking:
    """One fault after another until the time is up or Ctrl-C comes; ``folder`` has everybody's notes."""

    def __init__(
        self, site: Site, folder: Path, options: Namespace, look: Callable[[], None] = lambda: None
    ) -> None:
        self.site, self.options, self.look = site, options, look
        self.dice = random.Random(options.seed)
        self.notebook = Notebook(folder, "director")
        self.mended = Finding("after each fault the site works again")
        self.began = now()
        self.until = self.began + options.minutes * 60
        self._folder = folder

    def run(self) -> Finding:
        """Break things; whether each could be mended."""
        try:
            for name in self._names():
                self._stay_calm(min(self.until, now() + self.dice.uniform(*CALM) * self.options.calm))
                is_over = now() >= self.until and not self.options.faults
                if is_over or not self._break(name):
                    break
            self._stay_calm(self.until)
        except KeyboardInterrupt:
            print("\nended early", flush=True)
        self.notebook.close()
        return self.mended

    def _names(self) -> Iterator[str]:
        """Those asked for, once each; else all of them shuffled, again and again."""
        if self.options.faults:
            yield from self.options.faults.split(",")
            return
        while True:
            yield from self.dice.sample(list(FAULTS), len(FAULTS))

    def _stay_calm(self, until: float) -> None:
        """Do nothing but what a supervisor does."""
        while now() < until:
            if sys.stdout.isatty():
                self._say("calm", end="\r")
            wait(min(LOOK, max(0.0, until - now())))
            for name in self.site.tend():
                self.notebook.note(Fault(f"{name}-ended-by-itself", now(), now()))
            self.look()

    def _break(self, name: str) -> bool:
        """One fault from its beginning to its end; false when the site could not be mended."""
        self.mended.tried += 1
        self._say(name)
        began, happened = now(), name
        try:
            happened = FAULTS[name](self.site, self.dice) or name
        except AssertionError as trouble:
            self.mended.breach(f"{name}: {trouble}")
            return False
        finally:
            self.notebook.note(Fault(happened, began, now()))
        return True

    def _say(self, what: str, end: str = "\n") -> None:
        """What happens now, and how many reads there were; notes are written some thousands at a time."""
        reads = sum(path.stat().st_size // READ.itemsize for path in self._folder.glob("*.reads"))
        seconds = now() - self.began
        line = f"{seconds:6.0f} s {reads:10,} reads ({reads / max(seconds, 1):5.0f}/s)"
        print(f"{line} {self.mended.tried:4} faults   {what:20}", end=end, flush=True)
