"""What does a fault of Redis cost those at work? `python -m benchmarks.faults` writes faults.md here."""

from datetime import UTC, datetime
from pathlib import Path

from benchmarks import environment

environment.prepare("bench_faults")

import django  # noqa: E402 - the settings read what was prepared

django.setup()

from django.conf import settings  # noqa: E402 - as above
from django.core.management import call_command  # noqa: E402

from tests.caching.faults import FAULTS, Ordeal, endure  # noqa: E402

RESULTS = Path(__file__).parent / "faults.md"
LASTS = 6.0  # seconds, of what lasts
CALM = 4.0  # seconds before it and after it

COLUMNS = (
    "Redis is", "reads", "writes", "failures", "older than B", "oldest read", "p99 before", "p99 during",
    "hits before, during", "hits back after",
)  # fmt: skip
HEAD = f"""# Faults of Redis, under load

{{date:%Y-%m-%d %H:%M}} UTC. B = {{bound}} s; what lasts, lasts {LASTS:.0f} s; {CALM:.0f} s of calm before and
after. Two threads read an order as its client and the board as an operator, one writes both tables, half of
the time past Django; calls of the API in one process, beside its relay, a Redis of its own for each fault.

Reads, writes, failures and stale reads are those of the whole run; "during" is from the fault until hits were
back. The oldest read is how long a version had been replaced when a request that showed it began.

| {" | ".join(COLUMNS)} |
|{"---|" * len(COLUMNS)}
"""


def line(fault: str, ordeal: Ordeal) -> str:
    """A fault's line of the table."""
    ledger, began, back = ordeal.ledger, ordeal.began, ordeal.back
    cells = (
        fault,
        f"{len(ledger.reads):,}",
        f"{sum(map(len, ledger.writes.values())):,}",
        len(ledger.failures),
        len(ledger.stale(settings.CACHE_FENCE_SECONDS)),
        f"{ledger.oldest():.2f} s",
        f"{1000 * ledger.percentile(0.99, began - CALM, began):.0f} ms",
        f"{1000 * ledger.percentile(0.99, began, back):.0f} ms",
        f"{ledger.hit_rate(began - CALM, began):.0%}, {ledger.hit_rate(began, back):.0%}",
        f"{back - ordeal.over:.2f} s",
    )
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Endure each fault, print the table and write it down."""
    call_command("migrate", verbosity=0)
    text = HEAD.format(date=datetime.now(UTC), bound=settings.CACHE_FENCE_SECONDS)
    print(text, end="")
    for fault in FAULTS:
        call_command("flush", interactive=False, verbosity=0)
        text += f"{(row := line(fault, endure(fault, LASTS, CALM)))}\n"
        print(row, flush=True)
    RESULTS.write_text(text)


main()
