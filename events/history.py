"""What a line of an order's timeline holds, in either context.

What comes first is decided by PostgreSQL, not by the clocks of the machines that wrote it: one sequence
numbers the outbox's events and the lines of a context's own steps; a line of news has its event's number.
A number is drawn under the row lock of its order, and one that follows from an event after that event's: no
effect comes before its cause, in either context (Lamport 1978, https://doi.org/10.1145/359545.359563).
"""

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from caching.constraints import moments
from events.vocabulary import STATUS_LABELS, ActorKind, Status, iso


class NextInSequence(models.Func):
    """The next number of the events' own sequence."""

    template = "nextval('events_outboxevent_id_seq')"
    output_field = models.BigIntegerField()


class StatusChange(models.Model):
    """One line of a timeline. One whose two statuses are the same tells of a refusal."""

    from_status = models.CharField(_("from"), max_length=30, choices=Status, blank=True)
    to_status = models.CharField(_("to"), max_length=30, choices=Status)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    actor_kind = models.CharField(_("by"), max_length=10, choices=ActorKind)
    reason = models.TextField(_("reason"), blank=True)
    at = models.DateTimeField(_("at"))
    sequence = models.BigIntegerField(
        _("sequence"), editable=False, db_default=NextInSequence(), help_text=_("Its place in the timeline.")
    )

    class Meta:
        abstract = True
        verbose_name = _("status change")
        verbose_name_plural = _("history")
        # A late event's line is written late, but belongs where it happened.
        ordering = ["-sequence", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(to_status__in=sorted(Status.values)), name="%(app_label)s_%(class)s_status"
            ),
            moments("%(app_label)s_%(class)s", "at"),
        ]

    def __str__(self) -> str:
        return f"{self.from_status} -> {self.to_status}"

    def payload(self) -> dict[str, Any]:
        """The line as JSON-ready values; who it was stays in the house, only the kind is told."""
        return {
            "status": self.to_status,
            "status_label": STATUS_LABELS[self.to_status],
            "at": iso(self.at),
            "actor_kind": self.actor_kind,
            "reason": self.reason,
        }
