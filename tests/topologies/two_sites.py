"""Is anybody shown a row of another site that shares the Redis?

``python -m tests.topologies.two_sites``: two installations on one Redis number, with the same order numbers
and other titles, each with its web and relay, under load for ``SECONDS_BUSY`` (60).
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from urllib.parse import urlsplit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DATA_DIR", ".data/topologies")

import django
import psycopg2
import requests

from config import embedded

embedded.hold()
django.setup()

from django.core.management import call_command  # noqa: E402

from accounts.services import token_issue  # noqa: E402
from config.seeding.people import ensure_people  # noqa: E402
from tests.factories import OrderFactory, WorkOrderFactory  # noqa: E402
from tests.live import Live  # noqa: E402

NAMES = ("mine", "yours")
SECONDS = float(os.environ.get("SECONDS_BUSY", "60"))
NUMBERS = [f"A-0000000{digit}" for digit in range(8)]
PAGES = [*((f"/api/v1/shop/orders/{n}/", "client") for n in NUMBERS), ("/api/v1/mes/orders/", "operator1")]


class Sharing(Live):
    """A site with a database of its own, whose orders all have its name as title, on a Redis given."""

    def __init__(self, name: str, shared: "Live | None" = None) -> None:
        super().__init__()
        self.name = name
        self.socket = shared.socket if shared else self.socket
        self.database = urlsplit(embedded.database_url())._replace(path=f"/{name}").geturl()
        self.tokens: dict[str, str] = {}

    @property
    def environment(self) -> dict[str, str]:
        """See :class:`Live`."""
        return {**super().environment, "DATABASE_URL": self.database}

    def make(self) -> None:
        """Its database, tables and orders; in a process that has that database."""
        with closing(psycopg2.connect(embedded.database_url())) as session:
            session.autocommit = True
            with session.cursor() as cursor:
                cursor.execute(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
                cursor.execute(f"CREATE DATABASE {self.name}")
        command = [sys.executable, "-m", "tests.topologies.two_sites", self.name]
        told = subprocess.run(command, env=self.environment, stdout=subprocess.PIPE, text=True, check=True)
        self.tokens = json.loads(told.stdout.splitlines()[-1])

    def read(self, seen: Counter[str], stop: threading.Event) -> None:
        """Ask for every page again and again, and count whose titles were shown, and how they came."""
        session = requests.Session()
        while not stop.is_set():
            for path, who in PAGES:
                headers = {"Authorization": f"Token {self.tokens[who]}"}
                answer = session.get(self.url + path, headers=headers, timeout=30)
                body = answer.json()
                titles = {row["title"] for row in body.get("results", [body])}
                whose = "own" if titles == {self.name} else f"FOREIGN at {self.name}: {titles}"
                seen[f"{whose}; {answer.headers.get('Cache-Status', '').partition('; ')[2]}"] += 1

    def write(self, stop: threading.Event) -> None:
        """Change every order by SQL, again and again."""
        with closing(psycopg2.connect(self.database)) as session, session.cursor() as cursor:
            session.autocommit = True
            while not stop.wait(0.05):
                for table in ("shop_order", "mes_workorder"):
                    cursor.execute(f"UPDATE {table} SET quantity = quantity % 9 + 1")


def fill(name: str) -> None:
    """Make the tables and orders of this process's database; prints the tokens."""
    call_command("migrate", verbosity=0)
    people = ensure_people()
    for number in NUMBERS:
        OrderFactory(number=number, title=name, client=people["client"])
        WorkOrderFactory(number=number, title=name)
    # The same keys at both sites.
    keys = {who: f"{who}-of-both" for who in dict(PAGES).values()}
    tokens = {who: token_issue(user=people[who], name="trial", key=key)[1] for who, key in keys.items()}
    print(json.dumps(tokens))  # noqa: T201


def main() -> int:
    """Run it; 1 if a row of the other site was shown, or not both were served from the cache."""
    seen: Counter[str] = Counter()
    stop = threading.Event()
    with Sharing(NAMES[0]) as mine, Sharing(NAMES[1], mine) as yours:
        mine.start("valkey")
        actors = []
        for site in (mine, yours):
            site.make()
            site.start("web", "relay")
            actors.append(threading.Thread(target=site.read, args=(seen, stop)))
            actors.append(threading.Thread(target=site.write, args=(stop,)))
        for actor in actors:
            actor.start()
        time.sleep(SECONDS)
        stop.set()
        for actor in actors:
            actor.join()
        leads = ["relay_leads" in site.log("relay").read_text() for site in (mine, yours)]
    print(json.dumps({"answers": seen, "both relays lead": leads}, indent=1))  # noqa: T201
    return any("FOREIGN" in kind for kind in seen) or not seen["own; hit"] or not all(leads)


if __name__ == "__main__":
    sys.exit(fill(sys.argv[1]) if len(sys.argv) > 1 else main())
