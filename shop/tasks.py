"""What the beat does for the Shop."""

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from shop import services
from shop.models import IdempotencyKey

IDEMPOTENCY_KEPT = timedelta(hours=24)


@shared_task(name="shop.expire_quotes")
def expire_quotes() -> int:
    """Cancel quotes nobody accepted in time; returns how many."""
    return services.expire_quotes()


@shared_task(name="shop.purge_idempotency")
def purge_idempotency() -> int:
    """Forget answers kept longer than promised; returns how many."""
    return IdempotencyKey.objects.filter(created_at__lt=timezone.now() - IDEMPOTENCY_KEPT).delete()[0]
