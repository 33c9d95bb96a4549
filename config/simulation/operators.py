"""What do operators do all day? They watch the board, and race each other for whatever is newest."""

import random
import threading
import time
from dataclasses import dataclass, field

from config.simulation.caller import Caller, GaveUp, Refused
from events.vocabulary import Status

POLL = 0.2  # seconds between two looks at an idle board
RELEASES = 0.05  # how likely an order goes back to the board
_STEPS = (
    ("complete", (Status.MANUFACTURING_COMPLETED,)),
    ("pack", (Status.PACKAGING,)),
    ("ship", (Status.SHIPPED, Status.CLOSED)),
)
_RELEASED = tuple(status for status in Status if status != Status.MANUFACTURING_STARTED)
_LOSSES = {
    "already_claimed": "claims lost",
    "claim_in_progress": "claims in progress",
    "illegal_transition": "claims of orders no longer claimable",
}


@dataclass(eq=False)
class Operator(threading.Thread):
    """One operator. Only orders of this simulation are claimed: the demo's own stay for the visitor."""

    caller: Caller
    operator_id: int
    dice: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.ledger, self.stop = self.caller.ledger, self.caller.stop
        self.tried: set[tuple[str, int]] = set()  # (number, version)

    def run(self) -> None:
        """Claim and make orders until told to stop."""
        while not self.stop.is_set():
            try:
                number = self._newest()
                if number is None:
                    self.stop.wait(POLL)
                elif self._claim(number):
                    self._make(number)
            except GaveUp:
                self.ledger.count("operators' steps given up")
            except Refused as refusal:
                self.ledger.refuse(refusal)

    def _newest(self) -> str | None:
        """The newest claimable order this operator has not tried yet."""
        path = f"mes/orders/?status={Status.MANUFACTURING_APPROVED}&limit=100"
        for row in self.caller.call("board", "GET", path)["results"]:
            number, attempt = row["number"], (row["number"], row["version"])
            if number not in self.ledger.approved:
                continue
            self.ledger.claimable(number)
            if attempt not in self.tried:
                self.tried.add(attempt)
                return str(number)
        return None

    def _claim(self, number: str) -> bool:
        try:
            self.caller.call("claim", "POST", f"mes/orders/{number}/claim/")
        except Refused as refusal:
            if refusal.code not in _LOSSES:
                raise
            self.ledger.count(_LOSSES[refusal.code])
            return False
        self.ledger.claims.append((number, self.operator_id))
        return True

    def _make(self, number: str) -> None:
        path = f"mes/orders/{number}/"
        if self.dice.random() < RELEASES:
            self._release(path)
            return
        for action, reached in _STEPS:
            self.caller.move(action, path, action, reached)
        self.ledger.shipped[number] = time.monotonic()

    def _release(self, path: str) -> None:
        try:
            self.caller.move("release", path, "release", _RELEASED, json={"reason": "Out of wax."})
        except Refused as refusal:
            if not (refusal.repeated and refusal.code == "not_your_order"):  # another has it by now
                raise
        self.ledger.count("claims released")
