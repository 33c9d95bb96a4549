"""What Celery carries for the outbox: nudges, and the beat's own rounds."""

from celery import shared_task

from events import handling, outbox


@shared_task(name="events.handle")
def handle(event_id: int) -> bool:
    """Handle one event; true when it was handled by this call."""
    return handling.handle(event_id)


@shared_task(name="events.renudge")
def renudge() -> int:
    """Nudge what is due; returns how many nudges were sent."""
    return outbox.renudge()


@shared_task(name="events.purge")
def purge() -> int:
    """Delete what was handled long ago; returns how many rows went."""
    return outbox.purge()
