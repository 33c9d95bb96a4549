"""What the beat does for accounts."""

from celery import shared_task
from django.utils import timezone

from accounts.models import Session


@shared_task(name="accounts.end_old_sessions")
def end_old_sessions() -> int:
    """Delete the sessions whose time is over; returns how many."""
    return Session.objects.filter(expire_date__lt=timezone.now()).delete()[0]
