"""How is a run put on one page: as text, as JSON, and as a picture?"""

import json
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.chaos.verdict import Verdict


def write(verdict: Verdict, folder: Path, options: Namespace) -> None:
    """report.txt, report.json and report.svg in the folder; the text to the terminal too."""
    text = "\n".join(_lines(verdict, options))
    (folder / "report.txt").write_text(f"{text}\n")
    run = {"seed": options.seed, "minutes": options.minutes}
    (folder / "report.json").write_text(json.dumps({**run, **verdict.to_json()}, indent=2))
    (folder / "report.svg").write_text(verdict.picture)
    print(f"{text}\n\nThis page, report.json and report.svg are in {folder}", flush=True)


def _lines(verdict: Verdict, options: Namespace) -> Iterator[str]:
    yield f"Chaos for {options.minutes:g} minutes, seed {options.seed}: " + (
        "every promise was kept." if verdict.is_clean else "PROMISES WERE BROKEN."
    )
    yield ""
    yield f"{'promise':62}{'tried':>12}{'broken':>9}"
    for finding in verdict.findings:
        yield f"{finding.promise:62}{finding.tried:12,}{finding.broken:9,}"
        yield from (f"    {example}" for example in finding.examples)
    yield ""
    for name, value in verdict.figures.items():
        yield f"{name.replace('_', ' '):32}{_shown(value)}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(number)}" for name, number in value.items())
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"
