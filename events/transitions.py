"""How a context's one table of transitions is asked: from, to, who may."""

from events.errors import DomainError
from events.vocabulary import ActorKind, Status


class IllegalTransition(DomainError):
    """The order's status, or who asks, does not allow this step."""

    code = "illegal_transition"
    status = 409


class Transitions(dict[tuple[Status, Status], frozenset[ActorKind]]):
    """(from, to) -> who may move an order so."""

    def allows(self, current: str, target: Status, actor_kind: ActorKind) -> bool:
        """Whether ``actor_kind`` may move an order from ``current`` to ``target``."""
        return actor_kind in self.get((Status(current), target), frozenset())

    def check(self, current: str, target: Status, actor_kind: ActorKind) -> None:
        """Raise :class:`IllegalTransition` unless the table allows this move."""
        if not self.allows(current, target, actor_kind):
            raise IllegalTransition(
                f"An order that is {current} can't become {target} by decision of the {actor_kind}."
            )
