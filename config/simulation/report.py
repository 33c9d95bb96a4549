"""How is a simulation's outcome put on one screen?"""

from collections.abc import Iterator
from math import ceil

from config.simulation.audit import Verdict
from config.simulation.ledger import Ledger

_STEPS = (
    "create", "upload", "submit", "submit -> priced", "approve", "approve -> claimable", "board", "claim",
    "complete", "pack", "ship", "ship -> Shop shows SHIPPED", "confirm", "cancel", "release", "look",
    "partner: create", "partner: create -> in Shop",
)  # fmt: skip
_EXAMPLES = 5


def report(ledger: Ledger, verdict: Verdict, seconds: float, wanted_rate: float) -> Iterator[str]:
    """The lines of the report."""
    placed = len(ledger.created)
    yield ""
    yield f"{placed} orders placed in {seconds:.0f} s ({placed / seconds:.1f}/s of {wanted_rate:g}/s wanted)"
    yield f"{len(ledger.finished):6} finished, from the upload to the confirmed delivery"
    yield f"{len(ledger.claims):6} claims won"
    for what, number in sorted(ledger.counts.items()):
        yield f"{number:6} {what}"
    yield ""
    yield f"{'milliseconds':30}{'n':>7}{'p50':>8}{'p95':>8}{'p99':>8}{'max':>8}"
    for step in _STEPS:
        if ledger.seconds.get(step):
            yield _row(step, ledger.seconds[step])
    if verdict.handling:
        yield _row("MES event -> in the Shop's row", verdict.handling)
    yield ""
    yield "Errors the actors lived through: " + (
        ", ".join(f"{number} x {kind}" for kind, number in ledger.errors.most_common()) or "none"
    )
    yield from _findings(verdict)


def percentile(ordered: list[float], share: float) -> float:
    """The smallest value that at least ``share`` of the ordered values don't exceed (nearest rank)."""
    return ordered[max(0, ceil(len(ordered) * share) - 1)]


def _row(step: str, values: list[float]) -> str:
    ordered = sorted(1000 * value for value in values)
    figures = "".join(f"{percentile(ordered, share):8.0f}" for share in (0.5, 0.95, 0.99, 1.0))
    return f"{step:30}{len(ordered):7}{figures}"


def _findings(verdict: Verdict) -> Iterator[str]:
    yield ""
    yield f"Looked at {verdict.checked} orders in both contexts after the queue had come to rest:"
    for name, found in (
        ("lost orders", verdict.lost),
        ("double claims", verdict.double_claims),
        ("claims answered but not recorded", verdict.untrue_claims),
        ("orders whose status differs between Shop and MES", verdict.disagreements),
        ("events applied twice", verdict.handled_twice),
        ("events parked", verdict.parked),
        ("answers that should not have been", verdict.refusals),
        ("events still waiting", verdict.waiting),
    ):
        yield f"{len(found):6} {name}"
        yield from (f"         {example}" for example in found[:_EXAMPLES])
