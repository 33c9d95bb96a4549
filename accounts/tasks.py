"""What the beat does for accounts."""

from celery import shared_task
from django.db import transaction
from django.utils import timezone

from accounts.models import Session

#: Sessions ended in one transaction.
BATCH = 100


@shared_task(name="accounts.end_old_sessions")
def end_old_sessions() -> int:
    """Delete the sessions whose time is over; returns how many.

    A few at a time, and none that somebody is writing: who deletes many waits for who touches them, and the
    other way round.
    """
    ended = 0
    while some := _end_some():
        ended += some
    return ended


@transaction.atomic
def _end_some() -> int:
    over = Session.objects.filter(expire_date__lt=timezone.now()).select_for_update(skip_locked=True)
    keys = list(over.values_list("pk", flat=True)[:BATCH])
    return Session.objects.filter(pk__in=keys).delete()[0]
