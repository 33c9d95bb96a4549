"""`manage.py simulate`: does the running site keep its promises while many use it at once?"""

import os
import threading
import time
from argparse import ArgumentParser
from contextlib import suppress
from datetime import timedelta
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.services import token_issue, token_revoke
from config import run
from config.seeding.catalogue import Catalogue
from config.seeding.people import OTHER_CLIENTS, PEOPLE, ensure_people
from config.simulation.audit import audit
from config.simulation.buyers import OPEN_ORDERS, Buyer
from config.simulation.caller import Caller
from config.simulation.ledger import Ledger
from config.simulation.operators import Operator
from config.simulation.report import report

_CLIENTS = ["client", *(person.username for person in OTHER_CLIENTS)]
_OPERATORS = [person.username for person in PEOPLE if person.username.startswith("operator")]


class Command(BaseCommand):
    """Put the running site to work over HTTP, then compare what it answered with what it holds."""

    help = (
        "Clients place orders over real HTTP, a partner through the MES, operators race for claims; every "
        "lost connection or busy answer is tried again. Prints latencies and whether any promise was broken; "
        "exit 1 if so. The site has to run (`make run`); Ctrl-C ends early, with the report."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How hard, for how long, and where."""
        parser.add_argument(
            "--clients", type=int, default=5, help=f"1 to {len(_CLIENTS)}; one partner on top."
        )
        parser.add_argument("--operators", type=int, default=3, help=f"0 to {len(_OPERATORS)}.")
        parser.add_argument("--seconds", type=float, default=60)
        parser.add_argument("--rate", type=float, default=20, help="Orders a second, all buyers together.")
        parser.add_argument("--url", help="Default: the address `make run` serves at.")
        parser.add_argument("--yes", action="store_true", help="Also where DEBUG is off.")

    def handle(self, *, clients: int, operators: int, seconds: float, rate: float, **options: Any) -> None:
        """Simulate, audit, report."""
        if not settings.DEBUG and not options["yes"]:
            raise CommandError(
                "DEBUG is off, so this may be a real site: --yes places orders on it all the same."
            )
        if not (1 <= clients <= len(_CLIENTS) and 0 <= operators <= len(_OPERATORS)):
            raise CommandError(
                f"At most {len(_CLIENTS)} clients and {len(_OPERATORS)} operators, and one client."
            )
        url = (
            options["url"] or run.address() or f"http://127.0.0.1:{os.environ.get('PORT') or run.FIRST_PORT}"
        )
        _expect_an_answer(url)
        people = ensure_people()
        users = [people[name] for name in (*_CLIENTS[:clients], "partner", *_OPERATORS[:operators])]
        ledger, stop, since = Ledger(), threading.Event(), timezone.now()
        tokens = [_token(user, seconds) for user in users]
        interval = (clients + 1) / rate
        actors = staff(url, users, [key for _, key in tokens], ledger, stop, interval)
        try:
            lasted = play(actors, stop, seconds)
        finally:
            for token, _ in tokens:
                token_revoke(token=token)
        verdict = audit(ledger, since)
        self.stdout.write("\n".join(report(ledger, verdict, lasted, rate)))
        if not verdict.is_clean:
            raise CommandError("The site broke a promise.")


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
    catalogue = Catalogue()
    callers = [Caller.of(url, key, ledger, stop) for key in keys]
    return [
        Operator(caller, user.pk)
        if user.username in _OPERATORS
        else Buyer(caller, catalogue, interval, user.username == "partner", most_open)
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


def _expect_an_answer(url: str) -> None:
    try:
        requests.get(f"{url}/healthz", timeout=5).raise_for_status()
    except requests.RequestException as error:
        raise CommandError(f"No site answers at {url} (start it with `make run`): {error}") from error


def _token(user: User, seconds: float) -> tuple[ApiToken, str]:
    expires_at = timezone.now() + timedelta(seconds=seconds, hours=1)
    return token_issue(user=user, name="simulation", expires_at=expires_at)
