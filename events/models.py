"""The outbox: every event, from the transaction that published it until it was handled once."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class OutboxEvent(models.Model):
    """One event on its way. Waiting, then either handled (``handled_at``) or parked (``parked_at``)."""

    #: When this process took its lease, by PostgreSQL's clock.
    leased_at: datetime

    kind = models.CharField(_("kind"), max_length=60, editable=False)
    subject = models.CharField(_("order"), max_length=20, editable=False, db_index=True)
    payload = models.JSONField(_("payload"), editable=False)
    owner = models.BigIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="Whose turn it is: the user for whom slow work is done, 0 for nobody in particular.",
    )
    is_long = models.BooleanField(
        db_default=False, editable=False, help_text="Slow work that was not done within a short turn."
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    due_at = models.DateTimeField(_("next nudge"), help_text=_("When the next nudge is due."))
    attempt_at = models.DateTimeField(
        _("next attempt"),
        db_default=Now(),
        help_text=_("No attempt begins before: the end of a pause, or of a lease."),
    )
    started_at = models.DateTimeField(
        null=True, editable=False, help_text="When the last attempt at slow work began."
    )
    waiting_since = models.DateTimeField(
        _("waiting since"), null=True, help_text=_("When it was first found too early to handle it.")
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    handled_at = models.DateTimeField(_("handled"), null=True)
    parked_at = models.DateTimeField(_("parked"), null=True)
    error = models.TextField(_("last error"), blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(handled_at=None, parked_at=None),
                name="events_waiting",
            ),
            models.Index(
                fields=["owner", "-started_at"],
                condition=Q(started_at__isnull=False),
                name="events_turns",
            ),
            models.Index(fields=["parked_at"], condition=Q(parked_at__isnull=False), name="events_parked"),
            models.Index(fields=["handled_at"], condition=Q(handled_at__isnull=False), name="events_handled"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject} #{self.pk}"
