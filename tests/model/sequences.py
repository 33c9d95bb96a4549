"""The shortest sequence of steps that shows each mutant, found by the machine and kept as a regression."""

import json
import re
from pathlib import Path
from typing import Any

Steps = list[tuple[str, dict[str, Any]]]
FOLDER = Path(__file__).parent / "sequences"


def path_of(name: str) -> Path:
    """Where a mutant's sequence is kept."""
    return FOLDER / f"{re.sub('[^a-z0-9]+', '_', name.lower())}.json"


def save(name: str, steps: Steps) -> None:
    """Keep a sequence: a step a line."""
    lines = ",\n".join(json.dumps([step, values]) for step, values in steps)
    FOLDER.mkdir(exist_ok=True)
    path_of(name).write_text(f"[\n{lines}\n]\n")


def load(name: str) -> Steps:
    """The sequence of a mutant."""
    steps: Steps = [(step, values) for step, values in json.loads(path_of(name).read_text())]
    return steps
