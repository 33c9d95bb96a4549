"""How do staleness and hit rate look over time, faults marked? As an SVG, without a library."""

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np

from tests.chaos.notes import FAILED, HIT, Notes

WIDTH, HEIGHT, MARGIN = 1200, 180, 50
STEP = 1.0  # seconds of one point
#: Names of faults stand below each other in so many rows.
NAME_ROWS = 12
_STYLE = (
    "text{font:11px sans-serif;fill:#334155}.axis{stroke:#94a3b8}.bound{stroke:#dc2626;stroke-dasharray:4}"
    ".fault{fill:#f59e0b;fill-opacity:.3}.line{fill:none;stroke:#0f766e;stroke-width:1.2}"
)


def draw(notes: Notes, age: Any, bound: float) -> str:
    """The picture; ``age`` is of each read in seconds, ``bound`` is B."""
    reads = notes.reads
    began, seconds = reads["began"].min(), reads["began"].max() - reads["began"].min()
    points = int(seconds / STEP) + 1
    when = ((reads["began"] - began) / STEP).astype(int)
    hits = reads["how"] == HIT
    answered = np.bincount(when[reads["how"] != FAILED], minlength=points)
    # Where nothing was answered there is no rate.
    hit_rate = np.bincount(when[hits], minlength=points) / np.where(answered, answered, np.nan)
    oldest = np.zeros(points)
    np.maximum.at(oldest, when[hits], np.maximum(age[hits], 0))
    panels = [
        ("oldest hit, s", oldest, max(bound * 1.25, float(oldest.max())), bound),
        ("hit rate", hit_rate, 1.0, None),
        ("answers a second", answered / STEP, float(max(answered.max(), 1)) / STEP, None),
    ]
    height = len(panels) * (HEIGHT + MARGIN) + NAME_ROWS * 13 + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 2 * MARGIN} {height}">',
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
        *_faults(notes, began, seconds, len(panels) * (HEIGHT + MARGIN)),
    ]
    for number, (title, values, most, limit) in enumerate(panels):
        top = number * (HEIGHT + MARGIN) + MARGIN
        parts += _panel(top, title, values, most, limit, seconds)
    return "\n".join([*parts, "</svg>"])


def _panel(
    top: float, title: str, values: Any, most: float, limit: float | None, seconds: float
) -> Iterator[str]:
    """One curve above its axis, from 0 to ``most``."""
    bottom = top + HEIGHT
    yield f'<text x="{MARGIN}" y="{top - 6}">{title} (0 to {most:.3g})</text>'
    yield f'<path class="axis" d="M{MARGIN} {top}V{bottom}H{MARGIN + WIDTH}" fill="none"/>'
    xs = MARGIN + np.arange(len(values)) / max(len(values) - 1, 1) * WIDTH
    ys = bottom - values / most * HEIGHT
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True) if np.isfinite(y))
    yield f'<polyline class="line" points="{points}"/>'
    if limit is not None:
        y = bottom - limit / most * HEIGHT
        yield f'<path class="bound" d="M{MARGIN} {y:.1f}h{WIDTH}"/><text x="8" y="{y:.1f}">B</text>'
    for part in (0, 0.25, 0.5, 0.75, 1):
        yield f'<text x="{MARGIN + part * WIDTH:.0f}" y="{bottom + 14}">{part * seconds:.0f} s</text>'


def _faults(notes: Notes, began: float, seconds: float, bottom: float) -> Iterator[str]:
    """A bar through all panels for each fault, its name below."""
    scale = WIDTH / max(seconds, 1)
    for number, fault in enumerate(notes.faults):
        x = MARGIN + (fault.began - began) * scale
        width = max((fault.ended - fault.began) * scale, 1)
        name = escape(fault.name)
        yield (
            f'<rect class="fault" x="{x:.1f}" y="{MARGIN}" width="{width:.1f}" height="{bottom - MARGIN}">'
            f"<title>{name}</title></rect>"
        )
        yield f'<text x="{x:.1f}" y="{bottom + 20 + number % NAME_ROWS * 13}">{name}</text>'
