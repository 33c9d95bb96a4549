"""Does an ordinary order get its price in its usual time while other clients' files take all they may?

``python -m tests.topologies.fair_pricing``: seconds from the submission to the price, in calm; with four
files that take a minute of processor time each, of one client and of four; behind a crowd of small ones.
"""

import itertools
import statistics
import sys
import time

from accounts.models import User
from events.vocabulary import Status
from mes.models import WorkOrder
from tests.factories import Role, UserFactory
from tests.solids import cube, heap
from tests.topologies.busy_pricing import (
    Live,
    app,
    call_command,
    ensure_people,
    pricing_waits,
    settings,
    submit,
)

TIMES = 15
_SIZES = itertools.count(1000)


def price_takes(client: User) -> float:
    """Seconds from the submission of a file that nobody has measured until it has its price."""
    began = time.monotonic()
    number = submit(client, cube(next(_SIZES) / 100))
    while not WorkOrder.objects.filter(number=number, status=Status.PRICE_CALCULATED).exists():
        time.sleep(0.005)
    return time.monotonic() - began


def say(what: str, innocent: User) -> None:
    """Time some of the innocent client's orders."""
    took = [price_takes(innocent) for _ in range(TIMES)]
    print(  # noqa: T201
        f"{what:52} median {statistics.median(took):6.2f} s, worst {max(took):6.2f} s;"
        f" {pricing_waits()} still wait",
        flush=True,
    )


def main() -> int:
    """Run it."""
    call_command("migrate", verbosity=0)
    innocent = ensure_people()["client"]
    hostile = [UserFactory(role=Role.CLIENT, username=f"hostile-{time.time_ns()}-{n}") for n in range(4)]
    with Live() as site:
        site.start("valkey", "worker", "long-worker", "courier", "beat")
        settings.MODELS_ROOT = site.folder / "models"
        app.conf.broker_url = app.conf.broker_write_url = site.environment["CELERY_BROKER_URL"]
        price_takes(innocent)
        say("calm", innocent)
        for seed in range(4):
            submit(hostile[0], heap(seed))
        say("four files of a minute, of one client", innocent)
        for seed in range(4, 8):
            submit(hostile[seed % 4], heap(seed))
        say("four more, of four clients", innocent)
        for _ in range(200):
            submit(hostile[0], cube(next(_SIZES) / 100))
        say("a crowd of 200 small files of one client as well", innocent)
    return 0


if __name__ == "__main__":
    sys.exit(main())
