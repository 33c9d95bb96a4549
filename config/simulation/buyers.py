"""What do clients and partners do all day, and when do they change their minds?"""

import heapq
import random
import threading
import time
import uuid
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import cache

from config.demo_models import demo_models
from config.simulation.caller import Caller, GaveUp, Refused
from events.vocabulary import Material, Status

OPEN_ORDERS = 20  # a buyer with so many orders under way places no more for now
FIRST_LOOK, LAST_LOOK = 0.05, 1.0  # seconds between two looks at something about to change: ever longer
CANCELS = 0.04  # how likely, at each of three moments
SENDS_A_BROKEN_MODEL = 0.08
_AFTER_SUBMIT = tuple(Status)[2:]

#: A file's name and its bytes.
Model = tuple[str, bytes]
#: Seconds until the life goes on, again and again.
Life = Iterator[float]


@dataclass(eq=False)
class Buyer(threading.Thread):
    """A client, or a partner. It has many orders under way at once, and looks after each when it is due."""

    caller: Caller
    interval: float  # seconds between two new orders
    is_partner: bool = False
    most_open: int = OPEN_ORDERS
    dice: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.ledger, self.stop = self.caller.ledger, self.caller.stop
        *self.sound_models, self.broken_model = _models()

    def run(self) -> None:
        """Place orders and follow them until told to stop."""
        agenda: list[tuple[float, int, Life]] = []
        due, number = time.monotonic() + self.dice.uniform(0, self.interval), 0
        while not self.stop.is_set():
            now = time.monotonic()
            if now >= due and len(agenda) < self.most_open:
                number += 1
                due = now + self.interval
                life = self._partners_life() if self.is_partner else self._life()
                heapq.heappush(agenda, (now, number, life))
            if agenda and agenda[0][0] <= now:
                _, key, life = heapq.heappop(agenda)
                if (pause := self._go_on(life)) is not None:
                    heapq.heappush(agenda, (time.monotonic() + pause, key, life))
            else:
                self.stop.wait(max(0.0, min([due, *(entry[0] for entry in agenda[:1])]) - now) or FIRST_LOOK)

    def _go_on(self, life: Life) -> float | None:
        """Seconds until the life goes on; None when it is over."""
        try:
            return next(life)
        except StopIteration:
            return None
        except GaveUp:
            self.ledger.count("orders given up")
        except Refused as refusal:
            self.ledger.refuse(refusal)
        return None

    def _life(self) -> Life:
        """A client's order."""
        model = self._pick() if self.dice.random() > SENDS_A_BROKEN_MODEL else self.broken_model
        number = self.caller.call(
            "create",
            "POST",
            "shop/orders/",
            json={**self._wish(model), "comment": "simulated"},
            headers={"Idempotency-Key": str(uuid.uuid4())},
        )["number"]
        self.ledger.created.add(number)
        yield 0
        if self._changes_mind():
            self._cancel(number)
            return
        yield from self._upload_and_submit(number, model)
        while (yield from self._wait_for_price(number)) == Status.PRICING_FAILED:
            yield from self._upload_and_submit(number, self._pick())
        yield from self._buy(number)

    def _partners_life(self) -> Life:
        """A partner's order: it enters at the MES, and is followed in the Shop once it is mirrored there."""
        model = self._pick()
        number = self.caller.call(
            "partner: create",
            "POST",
            "mes/orders/",
            data={**self._wish(model), "external_id": str(uuid.uuid4())},
            files={"file": model},
        )["number"]
        self.ledger.created.add(number)
        self.ledger.submitted.add(number)
        began = time.monotonic()
        for pause in _patience():
            yield pause
            try:
                self.caller.call("look", "GET", f"shop/orders/{number}/")
                break
            except Refused as refusal:
                if refusal.code != "not_found":
                    raise
        self.ledger.took("partner: create -> in Shop", time.monotonic() - began)
        yield from self._wait_for_price(number, began)
        yield from self._buy(number)

    def _wish(self, model: Model) -> dict[str, str | int]:
        material = self.dice.choice(list(Material)).value
        return {
            "title": model[0].rpartition(".")[0].replace("-", " ").capitalize(),
            "material": material,
            "quantity": self.dice.randint(1, 5),
        }

    def _pick(self) -> Model:
        return self.dice.choice(self.sound_models)

    def _changes_mind(self) -> bool:
        return self.dice.random() < CANCELS

    def _upload_and_submit(self, number: str, model: Model) -> Life:
        path = f"shop/orders/{number}/"
        self.caller.call("upload", "PUT", f"{path}model/", files={"file": model})
        yield 0
        self.caller.move("submit", path, "submit", _AFTER_SUBMIT)
        self.ledger.submitted.add(number)

    def _wait_for_price(self, number: str, began: float | None = None) -> Generator[float, None, str]:
        """Wait for the plant's answer; returns the status it led to."""
        began = began or time.monotonic()
        status: str = Status.SUBMITTED
        pauses = _patience()
        while status == Status.SUBMITTED:
            yield next(pauses)
            status = self.caller.call("look", "GET", f"shop/orders/{number}/")["status"]
        self.ledger.took("submit -> priced", time.monotonic() - began)
        self.ledger.count("priced" if status == Status.PRICE_CALCULATED else "pricing failed")
        return status

    def _buy(self, number: str) -> Life:
        """From the price to the confirmed delivery, unless the buyer changes its mind on the way."""
        path = f"shop/orders/{number}/"
        if self._changes_mind():
            self._cancel(number)
            return
        self.caller.move("approve", path, "approve", _AFTER_SUBMIT[2:])
        self.ledger.approved[number] = time.monotonic()
        if self._changes_mind():
            yield self.dice.uniform(0, 0.2)  # the race against the operators' claims
            self._cancel(number)
            return
        while number not in self.ledger.shipped:
            yield FIRST_LOOK
        pauses = _patience()
        while self.caller.call("look", "GET", path)["status"] != Status.SHIPPED:
            yield next(pauses)
        self.ledger.took("ship -> Shop shows SHIPPED", time.monotonic() - self.ledger.shipped[number])
        yield 0
        self.caller.move("confirm", path, "confirm-delivery", (Status.CLOSED,))
        self.ledger.finished.add(number)

    def _cancel(self, number: str) -> None:
        """Cancel, or ask to; refused where manufacturing has begun."""
        try:
            answer = self.caller.call("cancel", "POST", f"shop/orders/{number}/cancel/", json={})
        except Refused as refusal:
            if refusal.code != "illegal_transition":
                raise
            self.ledger.count("cancelled too late")
        else:
            self.ledger.count("asked to cancel" if answer["cancel_requested"] else "cancelled")


@cache
def _models() -> list[Model]:
    """The demo's; the last can't be priced."""
    return demo_models()


def _patience() -> Iterator[float]:
    """Seconds until the next look, ever longer: to look all the time would be a load of its own."""
    pause = FIRST_LOOK
    while True:
        yield pause
        pause = min(pause * 1.5, LAST_LOOK)
