"""What may a seller decide about an order in the admin, when, and how is it told what came of it?"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import User
from events.errors import DomainError
from events.vocabulary import ActorKind, Status
from shop import services
from shop.lifecycle import TRANSITIONS
from shop.models import Order


@dataclass(frozen=True)
class Decision:
    """One step of a seller's: how its button reads, the service that takes it, where it leads."""

    name: str
    label: str | Promise
    bulk_label: str | Promise
    take: Callable[..., Order]
    target: Status
    asks_reason: bool = False

    def is_open(self, order: Order) -> bool:
        """Whether the lifecycle lets a seller take this step now."""
        if TRANSITIONS.allows(order.status, self.target, ActorKind.SELLER):
            return True
        # After approval the Shop can't cancel, only ask, and only once.
        asks_plant = self.target == Status.CANCELLED and order.status == Status.MANUFACTURING_APPROVED
        return asks_plant and not order.cancel_requested


APPROVE = Decision(
    "approve",
    gettext_lazy("Approve"),
    gettext_lazy("Approve the price of the selected orders"),
    services.order_approve,
    Status.MANUFACTURING_APPROVED,
)
CLOSE = Decision(
    "close",
    gettext_lazy("Confirm delivery and close"),
    gettext_lazy("Close the selected orders as delivered"),
    services.order_close,
    Status.CLOSED,
)
CANCEL = Decision(
    "cancel",
    gettext_lazy("Cancel the order"),
    gettext_lazy("Cancel the selected orders"),
    services.order_cancel,
    Status.CANCELLED,
    asks_reason=True,
)
DECISIONS = {decision.name: decision for decision in (APPROVE, CLOSE, CANCEL)}


def decide(
    request: HttpRequest, seller: User, decision: Decision, orders: Iterable[Order], **reason: str
) -> None:
    """Take the step for each order, and tell on the next page how many were done, asked for, and skipped why.

    Each order is a transaction of its own: one that refuses holds up no other.
    """
    done, asked = 0, 0
    skipped: Counter[str] = Counter()
    for order in orders:
        try:
            decided = decision.take(order_id=order.pk, actor=seller, actor_kind=ActorKind.SELLER, **reason)
        except DomainError:
            order.refresh_from_db(fields=["status"])
            skipped[order.get_status_display()] += 1
            continue
        if decided.status == decision.target:
            done += 1
        else:
            asked += 1
    _tell(request, done, asked, skipped)


def _tell(request: HttpRequest, done: int, asked: int, skipped: Counter[str]) -> None:
    if done:
        text = ngettext("%(n)d order was changed.", "%(n)d orders were changed.", done)
        messages.success(request, text % {"n": done})
    if asked:
        text = ngettext(
            "%(n)d order is approved already: the plant was asked to cancel it and will decide.",
            "%(n)d orders are approved already: the plant was asked to cancel them and will decide.",
            asked,
        )
        messages.info(request, text % {"n": asked})
    for status, number in sorted(skipped.items()):
        text = ngettext(
            "%(n)d order was skipped: its status is “%(status)s”.",
            "%(n)d orders were skipped: their status is “%(status)s”.",
            number,
        )
        messages.warning(request, text % {"n": number, "status": status})
    if not (done or asked or skipped):
        messages.info(request, _("There was no order to change."))
