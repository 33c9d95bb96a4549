"""`manage.py simulate`: does the running site keep its promises while many use it at once?"""

import os
import threading
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from accounts.models import ApiToken, User
from accounts.services import token_issue, token_revoke
from config import run
from config.seeding.people import ensure_people
from config.simulation.audit import audit
from config.simulation.ledger import Ledger
from config.simulation.report import report
from config.simulation.stage import CLIENTS, OPERATORS, play, staff


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
            "--clients", type=int, default=5, help=f"1 to {len(CLIENTS)}; one partner on top."
        )
        parser.add_argument("--operators", type=int, default=3, help=f"0 to {len(OPERATORS)}.")
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
        if not (1 <= clients <= len(CLIENTS) and 0 <= operators <= len(OPERATORS)):
            raise CommandError(
                f"At most {len(CLIENTS)} clients and {len(OPERATORS)} operators, and one client."
            )
        url = (
            options["url"] or run.address() or f"http://127.0.0.1:{os.environ.get('PORT') or run.FIRST_PORT}"
        )
        _expect_an_answer(url)
        people = ensure_people()
        users = [people[name] for name in (*CLIENTS[:clients], "partner", *OPERATORS[:operators])]
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


def _expect_an_answer(url: str) -> None:
    try:
        requests.get(f"{url}/healthz", timeout=5).raise_for_status()
    except requests.RequestException as error:
        raise CommandError(f"No site answers at {url} (start it with `make run`): {error}") from error


def _token(user: User, seconds: float) -> tuple[ApiToken, str]:
    expires_at = timezone.now() + timedelta(seconds=seconds, hours=1)
    return token_issue(user=user, name="simulation", expires_at=expires_at)
