"""Which status of a Shop order may follow which, and who may decide it. Nothing else decides."""

from events.transitions import Transitions
from events.vocabulary import ActorKind, Status

S = Status
_BUYER = frozenset({ActorKind.CLIENT, ActorKind.PARTNER})
_BUYER_OR_SELLER = _BUYER | {ActorKind.SELLER}
_MAY_CANCEL = _BUYER_OR_SELLER | {ActorKind.SYSTEM}

#: (from, to) -> who may. What the MES decides is not here: its news is applied as it comes.
TRANSITIONS = Transitions(
    {
        (S.INITIATED, S.FILE_UPLOADED): _BUYER,
        (S.FILE_UPLOADED, S.FILE_UPLOADED): _BUYER,
        (S.PRICING_FAILED, S.FILE_UPLOADED): _BUYER,
        (S.FILE_UPLOADED, S.SUBMITTED): _BUYER,
        (S.PRICE_CALCULATED, S.MANUFACTURING_APPROVED): _BUYER_OR_SELLER,
        (S.SHIPPED, S.CLOSED): _BUYER_OR_SELLER,
        (S.INITIATED, S.CANCELLED): _MAY_CANCEL,
        (S.FILE_UPLOADED, S.CANCELLED): _MAY_CANCEL,
        (S.SUBMITTED, S.CANCELLED): _MAY_CANCEL,
        (S.PRICE_CALCULATED, S.CANCELLED): _MAY_CANCEL,
        (S.PRICING_FAILED, S.CANCELLED): _MAY_CANCEL,
    }
)
