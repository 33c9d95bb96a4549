"""Which status of a work order may follow which, and who may decide it. Nothing else decides."""

from events.transitions import Transitions
from events.vocabulary import ActorKind, Status

S = Status
_BUYER = frozenset({ActorKind.CLIENT, ActorKind.PARTNER})
_BUYER_OR_SELLER = _BUYER | {ActorKind.SELLER}
_MAY_CANCEL = _BUYER_OR_SELLER | {ActorKind.SYSTEM}
_OPERATOR = frozenset({ActorKind.OPERATOR})
_SYSTEM = frozenset({ActorKind.SYSTEM})

#: (from, to) -> who may. Which operator may is decided beside it: the one who holds the order.
TRANSITIONS = Transitions(
    {
        (S.SUBMITTED, S.PRICE_CALCULATED): _SYSTEM,
        (S.SUBMITTED, S.PRICING_FAILED): _SYSTEM,
        (S.PRICING_FAILED, S.SUBMITTED): _BUYER,
        (S.PRICE_CALCULATED, S.MANUFACTURING_APPROVED): _BUYER_OR_SELLER,
        (S.MANUFACTURING_APPROVED, S.MANUFACTURING_STARTED): _OPERATOR,
        (S.MANUFACTURING_STARTED, S.MANUFACTURING_APPROVED): _OPERATOR,
        (S.MANUFACTURING_STARTED, S.MANUFACTURING_COMPLETED): _OPERATOR,
        (S.MANUFACTURING_COMPLETED, S.PACKAGING): _OPERATOR,
        (S.PACKAGING, S.SHIPPED): _OPERATOR,
        (S.SHIPPED, S.CLOSED): _BUYER_OR_SELLER,
        (S.SUBMITTED, S.CANCELLED): _MAY_CANCEL,
        (S.PRICE_CALCULATED, S.CANCELLED): _MAY_CANCEL,
        (S.PRICING_FAILED, S.CANCELLED): _MAY_CANCEL,
        (S.MANUFACTURING_APPROVED, S.CANCELLED): _MAY_CANCEL,
    }
)
