"""How do staleness and hit rate look over time, faults marked? As an SVG, without a library."""

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np

from tests.chaos.notes import FAILED, HIT, Notes

WIDTH, HEIGHT, MARGIN = 1200, 180, 50
NAMES = 70  # left of the margin, for the names of the faults
ROW = 16  # of one kind of fault, below the panels
STEP = 1.0  # seconds of one point
_STYLE = (
    "text{font:11px sans-serif;fill:#334155}.axis{stroke:#94a3b8}.bound{stroke:#dc2626;stroke-dasharray:4}"
    ".fault{fill:#f59e0b;fill-opacity:.3}.kind{fill:#f59e0b}.line{fill:none;stroke:#0f766e;stroke-width:1.2}"
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
    kinds = sorted({fault.name for fault in notes.faults})
    height = len(panels) * (HEIGHT + MARGIN) + len(kinds) * ROW + MARGIN
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg"'
        f' viewBox="{-NAMES} 0 {NAMES + WIDTH + 2 * MARGIN} {height}">',
        f'<style>{_STYLE}</style><rect x="{-NAMES}" width="100%" height="100%" fill="#fff"/>',
        *_faults(notes, kinds, began, seconds, len(panels) * (HEIGHT + MARGIN)),
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
        yield f'<path class="bound" d="M{MARGIN} {y:.1f}h{WIDTH}"/>'
        yield f'<text x="{MARGIN - 14}" y="{y:.1f}">B</text>'
    for part in (0, 0.25, 0.5, 0.75, 1):
        yield f'<text x="{MARGIN + part * WIDTH:.0f}" y="{bottom + 14}">{part * seconds:.0f} s</text>'


def _faults(notes: Notes, kinds: list[str], began: float, seconds: float, bottom: float) -> Iterator[str]:
    """A bar through all panels for each fault; below them a row for each kind."""
    scale = WIDTH / max(seconds, 1)
    for row, kind in enumerate(kinds, start=1):
        where = f'x="{MARGIN - 4}" y="{bottom + 10 + row * ROW}" text-anchor="end"'
        yield f"<text {where}>{escape(kind)}</text>"
    for fault in notes.faults:
        x = MARGIN + (fault.began - began) * scale
        width = max((fault.ended - fault.began) * scale, 1)
        y = bottom + 2 + (kinds.index(fault.name) + 1) * ROW
        yield (
            f'<rect class="fault" x="{x:.1f}" y="{MARGIN}" width="{width:.1f}" height="{bottom - MARGIN}">'
            f"<title>{escape(fault.name)}</title></rect>"
            f'<rect class="kind" x="{x:.1f}" y="{y}" width="{max(width, 3):.1f}" height="{ROW - 6}"/>'
        )
