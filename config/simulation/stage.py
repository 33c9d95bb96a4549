"""Who acts in a simulation, and for how long?"""

import threading
import time
from contextlib import suppress

from accounts.models import User
from config.seeding.people import OTHER_CLIENTS, PEOPLE
from config.simulation.buyers import OPEN_ORDERS, Buyer
from config.simulation.caller import Caller
from config.simulation.ledger import Ledger
from config.simulation.operators import Operator

CLIENTS = ["client", *(person.username for person in OTHER_CLIENTS)]
OPERATORS = [person.username for person in PEOPLE if person.username.startswith("operator")]


def staff(
    url: str,
    users: list[User],
    keys: list[str],
    ledger: Ledger,
    stop: threading.Event,
    interval: float,
    most_open: int = OPEN_ORDERS,
) -> list[threading.Thread]:
    """Whoever acts, each user with its API key.

    A buyer places an order every ``interval`` seconds while less than ``most_open`` of its own are under way.
    """
    callers = [Caller.of(url, key, ledger, stop) for key in keys]
    return [
        Operator(caller, user.pk)
        if user.username in OPERATORS
        else Buyer(caller, interval, user.username == "partner", most_open)
        for user, caller in zip(users, callers, strict=True)
    ]


def play(actors: list[threading.Thread], stop: threading.Event, seconds: float) -> float:
    """Let everybody act until the time is up or Ctrl-C comes; returns for how many seconds."""
    began = time.monotonic()
    for actor in actors:
        actor.start()
    with suppress(KeyboardInterrupt):
        stop.wait(seconds)
    stop.set()
    for actor in actors:
        actor.join()
    return time.monotonic() - began
