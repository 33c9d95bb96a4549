"""Was an order lost or claimed twice, or its news? Pure functions over what PostgreSQL holds after the queue
has come to rest, and what clients and operators were told."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise

from events.vocabulary import (
    ActorKind,
    CancelRefused,
    CancelRequested,
    OrderApproved,
    OrderCancelled,
    OrderClosed,
    OrderSubmitted,
    Status,
    WorkOrderChanged,
    WorkOrderReceived,
)
from tests.chaos.checker import Finding
from tests.chaos.notes import Claim
from tests.chaos.tables import Line, Tables

S = Status
#: What a Shop's event does to the status of the work order.
_TARGETS = {
    OrderSubmitted.kind: S.SUBMITTED,
    OrderApproved.kind: S.MANUFACTURING_APPROVED,
    OrderCancelled.kind: S.CANCELLED,
    CancelRequested.kind: S.CANCELLED,
    OrderClosed.kind: S.CLOSED,
}
#: Statuses that a client brings about without telling the plant.
_PRIVATE = (S.INITIATED, S.FILE_UPLOADED, S.CANCELLED)
#: A new model after a failed pricing is the Shop's alone until it is submitted.
_MAY_DIFFER = {(S.FILE_UPLOADED, S.PRICING_FAILED), (S.CANCELLED, S.PRICING_FAILED)}


def check_double_claims(claims: list[Claim], tables: Tables) -> Finding:
    """Between two claims of an order in its history lies its release."""
    finding = Finding("no order is claimed twice", sum(claim.answer != "" for claim in claims))
    for key, lines in _stories(tables).items():
        for first, second in pairwise(lines):
            if first.after == second.after == S.MANUFACTURING_STARTED:
                finding.breach(f"{key}: by {first.actor} and then by {second.actor}")
    return finding


def check_answered_claims(claims: list[Claim], tables: Tables) -> Finding:
    """Whoever was told that it has an order had it at some moment between question and answer."""
    finding = Finding("who was told to have an order had it")
    stories = _stories(tables)
    for claim in claims:
        if claim.answer != "200":
            continue
        finding.tried += 1
        lines = [*stories.get(f"M:{claim.number}", [])]
        ends = [*(line.when for line in lines[1:]), float("inf")]
        if not any(
            line.actor == claim.operator
            and line.after == S.MANUFACTURING_STARTED
            and line.when <= claim.ended
            and end >= claim.began
            for line, end in zip(lines, ends, strict=True)
        ):
            finding.breach(f"{claim.number}: told to {claim.operator} at {claim.ended:.3f}")
    return finding


def _stories(tables: Tables) -> dict[str, list[Line]]:
    """For each work order its claims and releases."""
    stories: defaultdict[str, list[Line]] = defaultdict(list)
    for line in tables.lines:
        if line.key.startswith("M:") and (
            line.after == S.MANUFACTURING_STARTED
            or (line.before, line.after) == (S.MANUFACTURING_STARTED, S.MANUFACTURING_APPROVED)
        ):
            stories[line.key].append(line)
    return stories


def check_events_handled(tables: Tables) -> Finding:
    """After the queue came to rest no event waits or was given up."""
    finding = Finding("every event is handled", len(tables.events))
    for event in tables.events:
        if event.parked or not event.handled:
            finding.breach(f"{event.kind} of {event.number} {'was given up' if event.parked else 'waits'}")
    return finding


def check_news_arrived(tables: Tables) -> Finding:
    """Each event left just the lines that it should in the other timeline: none lost, none twice."""
    finding = Finding("each event is applied exactly once")
    lines = Counter((line.key, line.at) for line in tables.lines)
    for event in tables.events:
        told_by_plant = event.kind == CancelRefused.kind or event.decided
        if event.kind in (WorkOrderChanged.kind, CancelRefused.kind, WorkOrderReceived.kind):
            expected = int(told_by_plant or event.kind == WorkOrderReceived.kind)
            found = lines[f"S:{event.number}", event.at]
            finding.tried += 1
            if found != expected:
                finding.breach(f"{event.kind} {event.status} of {event.number}: {found} lines in the Shop")
    found_in_mes = Counter(
        (line.key, line.after)
        for line in tables.lines
        if line.key.startswith("M:") and line.by != ActorKind.OPERATOR
    )
    sent: Counter[tuple[str, str]] = Counter()
    for event in tables.events:
        if event.kind in _TARGETS:
            sent[f"M:{event.number}", _TARGETS[event.kind]] += 1
        elif event.kind == CancelRefused.kind:
            sent[f"M:{event.number}", S.CANCELLED] -= 1
        elif event.kind == WorkOrderReceived.kind:
            sent[f"M:{event.number}", S.SUBMITTED] += 1
    for (key, status), times in sent.items():
        finding.tried += 1
        if found_in_mes[key, status] != times:
            finding.breach(f"{status} of {key}: told {times} times, {found_in_mes[key, status]} lines")
    return finding


def check_news_sent(tables: Tables) -> Finding:
    """Each step of an order that concerns the other context has one event."""
    finding = Finding("each step has its event")
    events = Counter((event.number, event.at) for event in tables.events if event.kind in _SPOKEN_OF)
    for line in tables.lines:
        if line.before == line.after or (line.key.startswith("M:") and not line.before):
            continue
        if line.key.startswith("S:") and line.after in _PRIVATE:
            continue
        finding.tried += 1
        found = events[line.key[2:], line.at]
        if found != 1:
            finding.breach(f"{line.key} {line.before} -> {line.after}: {found} events")
    return finding


_SPOKEN_OF = (*_TARGETS, WorkOrderChanged.kind, WorkOrderReceived.kind, CancelRefused.kind)


def check_history(tables: Tables) -> Finding:
    """Each change of a status, and so the status itself, is explained by a line of its timeline."""
    finding = Finding("the history explains each status")
    explained = Counter((line.key, line.before, line.after) for line in tables.lines)
    last: dict[str, str] = {}
    for version in sorted(tables.versions, key=lambda v: (v.key, v.version)):
        before = last.get(version.key, "")
        if version.status != before:
            change = (version.key, before, version.status)
            finding.tried += 1
            explained[change] -= 1
            if explained[change] < 0:
                finding.breach(f"{version.key}: nothing tells of {before or 'none'} -> {version.status}")
        last[version.key] = version.status
    for key, status in tables.statuses.items():
        if last.get(key) != status:
            finding.breach(f"{key} is {status}, but was last seen to become {last.get(key)}")
    return finding


def check_accounted(told: Mapping[str, Iterable[str]], tables: Tables) -> Finding:
    """Every order that was promised is there, in both contexts, and they agree on its status.

    ``told``: the numbers answered "created", "submitted" and "finished".
    """
    finding = Finding("every order is accounted for in both contexts")
    submitted = {line.key[2:] for line in tables.lines if line.after == S.SUBMITTED}
    numbers = {key[2:] for key in tables.statuses} | set(told["created"])
    for number in sorted(numbers):
        finding.tried += 1
        shop, mes = tables.statuses.get(f"S:{number}"), tables.statuses.get(f"M:{number}")
        if shop is None:
            finding.breach(f"{number} is not in the Shop")
        elif mes is None and (number in submitted or number in told["submitted"]):
            finding.breach(f"{number} is not in the MES")
        elif mes is not None and shop != mes and (shop, mes) not in _MAY_DIFFER:
            finding.breach(f"{number} is {shop} in the Shop, {mes} in the MES")
        elif number in told["finished"] and shop != S.CLOSED:
            finding.breach(f"{number} was answered as closed, but is {shop}")
    return finding
