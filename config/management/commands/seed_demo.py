"""`manage.py seed_demo`: how does an empty site get people, tokens and orders to look at?"""

import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from config.seeding.orders import seed_orders
from config.seeding.people import PASSWORD, PEOPLE, ensure_people, ensure_token
from shop.models import Order

_LOCK = 0x5EED  # an advisory lock's key


class Command(BaseCommand):
    """Fill a site with the demo; repeatable: it tops up what is missing and prints the same tokens again."""

    help = (
        "Fills the site with the demo: admin, seller, partner, client, operator1 to operator5 (password "
        f"'{PASSWORD}', an API token each), and orders over every status, created over the last 60 days. "
        "Repeatable: it adds only what is missing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What may be asked for."""
        parser.add_argument("--orders", type=int, default=2000, help="How many orders there shall be.")
        parser.add_argument("--json", action="store_true", dest="as_json", help="Print only the users.")
        parser.add_argument("--yes", action="store_true", help="Also where DEBUG is off.")

    def handle(self, *, orders: int, as_json: bool, yes: bool, **_options: Any) -> None:
        """Make what is missing, then say who can log in how."""
        if not settings.DEBUG and not yes:
            raise CommandError(
                "DEBUG is off, so this may be a real site: the demo would add users with a known password "
                "and made-up orders. Say --yes if that is what you want."
            )
        with _alone():
            users = ensure_people()
            if (missing := orders - Order.objects.count()) > 0:
                seed_orders(users, missing, lambda done: self._tell_progress(done, missing))
            tokens = {person.username: ensure_token(users[person.username]) for person in PEOPLE}
        self.stdout.write(_as_json(tokens) if as_json else _as_text(tokens))

    def _tell_progress(self, done: int, missing: int) -> None:
        end = "\n" if done == missing or not sys.stderr.isatty() else "\r"
        self.stderr.style_func = None
        self.stderr.write(f"{done:,} of {missing:,} orders written", ending=end)


@contextmanager
def _alone() -> Iterator[None]:
    """Two seeds at once would make everything twice: the second waits, and finds nothing missing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _as_json(tokens: dict[str, str]) -> str:
    users = {name: {"password": PASSWORD, "token": token} for name, token in tokens.items()}
    return json.dumps({"users": users}, indent=2)


def _as_text(tokens: dict[str, str]) -> str:
    lines = [f"Everybody's password is {PASSWORD!r}. API tokens:"]
    return "\n".join(lines + [f"  {name:<10} {token}" for name, token in tokens.items()])
