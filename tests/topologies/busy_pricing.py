"""Does an order have its news and its price in its usual time while others keep pricing busy?

``python -m tests.topologies.busy_pricing``: news (an order is submitted, the plant has it) is timed in calm,
then with large models waiting to be measured, then also with events and their orders locked in psql. Then
an ordinary client's prices: in calm; beside four files that take all the time they may, of one client and of
four; and beside a crowd of small ones.
"""

import itertools
import os
import statistics
import sys
import time
from contextlib import closing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("DATA_DIR", ".data/topologies")

import django
import numpy as np

from config import embedded

embedded.hold()
django.setup()

import psycopg2  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: E402
from django.core.management import call_command  # noqa: E402

from accounts.models import User  # noqa: E402
from config.celery import app  # noqa: E402
from config.seeding.people import ensure_people  # noqa: E402
from events import outbox  # noqa: E402
from events.vocabulary import PricingRequested, Status  # noqa: E402
from mes.models import WorkOrder  # noqa: E402
from shop import services  # noqa: E402
from tests.factories import Role, UserFactory  # noqa: E402
from tests.live import Live  # noqa: E402
from tests.solids import cube, heap  # noqa: E402

LOCK_EVENTS = "SELECT subject FROM events_outboxevent WHERE handled_at IS NULL LIMIT 2 FOR UPDATE SKIP LOCKED"
LOCK_ORDERS = "SELECT FROM mes_workorder WHERE number = ANY(%s) FOR UPDATE SKIP LOCKED"
#: So that nobody has measured a cube before.
SIZES = (number / 100 for number in itertools.count(1000))
SECONDS = float(os.environ.get("SECONDS_BUSY", "120"))


def large_model(seed: int) -> SimpleUploadedFile:
    """A binary STL of a million triangles: a sphere."""
    around, along = 1000, 500
    theta = np.linspace(0, 2 * np.pi, around, endpoint=False)
    phi = np.linspace(0, np.pi, along + 1)
    points = np.stack([
        np.outer(np.sin(phi), np.cos(theta)), np.outer(np.sin(phi), np.sin(theta)),
        np.outer(np.cos(phi), np.ones(around)),
    ], axis=-1) * (10 + seed / 100)  # fmt: skip
    points[0], points[-1] = points[0, 0], points[-1, 0]
    a, b = points[:-1], points[1:]
    right = lambda grid: np.roll(grid, -1, axis=1)  # noqa: E731
    quads = [np.stack([a, b, right(b)], axis=2), np.stack([a, right(b), right(a)], axis=2)]
    corners = np.concatenate([quads[0][:-1].reshape(-1, 3, 3), quads[1][1:].reshape(-1, 3, 3)])
    facets = np.zeros(len(corners), dtype=[("n", "<3f4"), ("v", "<9f4"), ("a", "<u2")])
    facets["v"] = corners.reshape(-1, 9)
    data = b"\0" * 80 + np.uint32(len(corners)).tobytes() + facets.tobytes()
    return SimpleUploadedFile(f"large-{seed}.stl", data)


def submit(client: User, upload: SimpleUploadedFile) -> str:
    """An order of this client, placed; its number."""
    order = services.order_create(client=client, title="News", material="brass", quantity=1)
    services.order_upload_model(order_id=order.pk, actor=client, upload=upload)
    return services.order_submit(order_id=order.pk, actor=client).number


def news_takes(client: User, times: int) -> list[float]:
    """Seconds from the client's submission until the plant has the order."""
    took = []
    for _ in range(times):
        began = time.monotonic()
        number = submit(client, cube())
        while not WorkOrder.objects.filter(number=number).exists():
            time.sleep(0.002)
        took.append(time.monotonic() - began)
    return took


def prices_take(client: User, times: int) -> list[float]:
    """Seconds from the client's submission until there is a price."""
    took = []
    for _ in range(times):
        began = time.monotonic()
        number = submit(client, cube(next(SIZES)))
        while not WorkOrder.objects.filter(number=number, status=Status.PRICE_CALCULATED).exists():
            time.sleep(0.005)
        took.append(time.monotonic() - began)
    return took


def say(what: str, took: list[float]) -> None:
    """Median and worst, in milliseconds."""
    print(  # noqa: T201
        f"{what:46} {len(took):4} orders, median {1000 * statistics.median(took):7.1f} ms,"
        f" worst {1000 * max(took):7.1f} ms",
        flush=True,
    )


def pricing_waits() -> int:
    """How many models wait to be measured, or are."""
    return outbox.waiting().filter(kind=PricingRequested.kind).count()


def try_news(client: User) -> bool:
    """Time news while every slot for pricing is busy; whether it was."""
    say("news, calm", news_takes(client, 40))
    seed, busy, locked, until = 0, [], [], time.monotonic() + SECONDS
    while time.monotonic() < until:
        while pricing_waits() < 8:
            seed += 1
            submit(client, large_model(seed))
        busy += news_takes(client, 5)
        if not pricing_waits():
            print("the slots were not busy all the time")  # noqa: T201
            return False
        if seed % 2 == 0:
            with closing(psycopg2.connect(settings.DATABASE_URL)) as psql, psql.cursor() as cursor:
                cursor.execute(LOCK_EVENTS)
                subjects = [subject for (subject,) in cursor.fetchall()]
                cursor.execute(LOCK_ORDERS, [subjects])
                locked += news_takes(client, 5)
    say(f"news, pricing busy for {SECONDS:.0f} s ({seed} large models)", busy)
    if locked:
        say("news, events and orders locked in psql as well", locked)
    return True


def try_prices(innocent: User) -> None:
    """Time one client's prices beside other clients' files."""
    hostile = [UserFactory(role=Role.CLIENT, username=f"hostile-{time.time_ns()}-{n}") for n in range(4)]
    say("prices, calm", prices_take(innocent, 20))
    for seed in range(4):
        submit(hostile[0], heap(seed))
    say("prices, four heaps of one client", prices_take(innocent, 20))
    for seed in range(4, 8):
        submit(hostile[seed - 4], heap(seed))
    say("prices, four more of four clients", prices_take(innocent, 20))
    for _ in range(200):
        submit(hostile[0], cube(next(SIZES)))
    say("prices, 200 small files of one client as well", prices_take(innocent, 20))
    print(f"{pricing_waits()} still wait")  # noqa: T201


def main() -> int:
    """Run it."""
    call_command("migrate", verbosity=0)
    client = ensure_people()["client"]
    with Live() as site:
        site.start("valkey", "worker", "slow-worker", "long-worker", "beat")
        settings.MODELS_ROOT = site.folder / "models"
        app.conf.broker_url = app.conf.broker_write_url = site.environment["CELERY_BROKER_URL"]
        prices_take(client, 5)
        site.wait_until_quiet()
        if not os.environ.get("PRICES_ONLY") and not try_news(client):
            return 1
        try_prices(client)
    return 0


if __name__ == "__main__":
    sys.exit(main())
