"""What Celery carries for the outbox: nudges, and the beat's own rounds."""

from celery import shared_task

from events import handling, outbox


@shared_task(name="events.handle")
def handle(event_id: int) -> bool:
    """Handle one event; true when it was handled by this call."""
    return handling.handle(event_id)


@shared_task(name="events.take_turn", soft_time_limit=1740, time_limit=1800)
def take_turn(is_long: bool) -> bool:
    """Do the slow work whose turn it is; true when an event was handled by this call. The work itself limits
    what it takes of the processor: that the host is busy is no fault of it."""
    return handling.take_turn(is_long)


@shared_task(name="events.renudge")
def renudge() -> int:
    """Nudge what is due; returns how many nudges were sent."""
    return outbox.renudge()


@shared_task(name="events.purge")
def purge() -> int:
    """Delete what was handled long ago; returns how many rows went."""
    return outbox.purge()
