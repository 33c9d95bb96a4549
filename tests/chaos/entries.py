"""Was anybody let in who had lost the right? Pure functions over everybody's notes."""

from collections import Counter
from collections.abc import Iterator
from math import inf

from tests.chaos.checker import Finding
from tests.chaos.notes import SENT_AWAY, Entry, Notes, Right


def check_entries(notes: Notes, bound: float) -> list[Finding]:
    """Who has lost the right for more than B is sent away, and who has it for more than B is let in."""
    taken = Finding(f"who lost the right is let in no longer than B ({bound:g} s)")
    given = Finding(f"who has the right is let in after B ({bound:g} s)")
    for who in sorted({right.who for right in notes.rights}):
        spans = list(_spans([right for right in notes.rights if right.who == who]))
        for entry in notes.entries:
            if entry.who == who:
                _judge(entry, spans, bound, taken, given)
    return [taken, given]


def ways(notes: Notes) -> dict[str, int]:
    """In which ways rights were taken, and how often."""
    return dict(Counter(right.way for right in notes.rights if right.may is False))


def latest_entry(notes: Notes) -> float:
    """Seconds after the loss of the right at which somebody was let in last."""
    latest = 0.0
    for who in {right.who for right in notes.rights}:
        for since, until, may in _spans([right for right in notes.rights if right.who == who]):
            late = [
                entry.began - since
                for entry in notes.entries
                if entry.who == who and since < entry.began < entry.ended < until
                and may is False and entry.status not in SENT_AWAY
            ]  # fmt: skip
            latest = max([latest, *late])
    return round(latest, 3)


def _spans(rights: list[Right]) -> Iterator[tuple[float, float, bool | None]]:
    """From when to when somebody had the right, or did not, or nobody knows: since the COMMIT was
    acknowledged, until the next change began."""
    rights = sorted(rights, key=lambda right: right.began)
    for right, following in zip(rights, [*rights[1:], None], strict=True):
        yield right.ended, following.began if following else inf, right.may


def _judge(
    entry: Entry, spans: list[tuple[float, float, bool | None]], bound: float, taken: Finding, given: Finding
) -> None:
    for since, until, may in spans:
        if may is None or not (since + bound < entry.began and entry.ended < until):
            continue
        finding = given if may else taken
        finding.tried += 1
        if (entry.status in SENT_AWAY) == may:
            after = f"{entry.began - since:.3f} s after the change"
            finding.breach(f"{entry.who} got {entry.status} at {entry.began:.3f}, {after}")
