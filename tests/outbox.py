"""How tests let time pass for the outbox: what waits for a pause or a lease to end is due."""

from datetime import timedelta

from django.db.models.functions import Now

from events import handling, outbox


def make_due() -> None:
    """All pauses and leases are over, and the beat's patience too."""
    past = Now() - timedelta(seconds=1)
    outbox.waiting().update(attempt_at=past, due_at=past)


def handle_due(event_id: int) -> bool:
    """Handle one event, whose time has come."""
    make_due()
    return handling.handle(event_id)
