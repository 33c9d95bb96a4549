"""Which step can an operator take next with an order in hands, and what does its button say?"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from events.vocabulary import ActorKind, Status
from mes.lifecycle import TRANSITIONS

BUTTONS = {
    Status.MANUFACTURING_COMPLETED: _("Complete"),
    Status.PACKAGING: _("Pack"),
    Status.SHIPPED: _("Ship"),
}


@dataclass(frozen=True)
class Step:
    """The status it leads to, and the word on its button."""

    to: Status
    button: str | Promise


def next_step(status: str) -> Step | None:
    """The operator's next step from this status, if there is one; the lifecycle decides."""
    for to, button in BUTTONS.items():
        if TRANSITIONS.allows(status, to, ActorKind.OPERATOR):
            return Step(to, button)
    return None


def may_release(status: str) -> bool:
    """Whether an order in this status can still go back to the board."""
    return TRANSITIONS.allows(status, Status.MANUFACTURING_APPROVED, ActorKind.OPERATOR)
