"""Who writes past HTTP? ``save()``, ``update()``, bulk, psql, and processes that die right after COMMIT.

``python -m tests.chaos.writers <plan>`` until SIGTERM, one write at a time. What is acknowledged is noted;
what was under way when PostgreSQL died is not, for only its history can tell.
"""

import contextlib
import os
import random
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

import django
import psycopg2
from django.conf import settings

django.setup()

from django.db import DatabaseError, InterfaceError, connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from events.vocabulary import ActorKind, Material, Status  # noqa: E402
from mes.models import WorkOrder  # noqa: E402
from shop.models import Order, OrderStatusChange  # noqa: E402
from tests.chaos.notes import Notebook, Write, now  # noqa: E402
from tests.chaos.plan import Plan  # noqa: E402

MOST_AT_ONCE = 5  # rows of one bulk write
BIRTHS = 0.05  # how likely a bulk write makes an order instead

_MODELS: list[tuple[str, type[Order] | type[WorkOrder]]] = [("S:", Order), ("M:", WorkOrder)]


class _Never(Exception):
    """Raised to roll a transaction back."""


class Writer:
    """Writes to rows that everybody reads."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.dice = random.Random(f"{plan.seed}writers")
        self.notebook = Notebook(plan.folder, "writers")
        self.unborn = list(plan.unborn.items())
        self.kinds: list[tuple[int, Callable[[], None]]] = [
            (30, self.save),
            (25, self.psql),
            (20, self.bulk),
            (10, self.roll_back),
            (15, self.die_after_commit),
        ]

    def run(self, stop: threading.Event) -> None:
        """Write until told to stop."""
        weights = [weight for weight, _ in self.kinds]
        while not stop.wait(self.plan.pause):
            [(_, write)] = self.dice.choices(self.kinds, weights)
            try:
                write()
            except (DatabaseError, InterfaceError, psycopg2.Error):
                connection.close()  # PostgreSQL was killed: what came of it, its history will tell
        self.notebook.close()

    def save(self) -> None:
        """``save()`` under the row lock; the signal writes it through."""
        self._save("orm")

    def _save(self, by: str, then: Callable[[], None] = lambda: None) -> None:
        prefix, model, number = self._pick()
        began = now()

        def committed() -> None:
            self.notebook.note(Write(f"{prefix}{number}", row.version, began, now(), by))
            then()

        with transaction.atomic():
            row: Any = model._default_manager.select_for_update().get(number=number)
            row.quantity = self.dice.randint(1, 100)
            # Registered before the caches' own: so it runs as soon as COMMIT has returned.
            transaction.on_commit(committed)
            row.save()
            row.refresh_from_db(fields=["version"])

    def roll_back(self) -> None:
        """A save that never was."""
        _prefix, model, number = self._pick()
        with contextlib.suppress(_Never), transaction.atomic():
            row: Any = model._default_manager.select_for_update().get(number=number)
            row.quantity = 1000
            row.save()
            raise _Never

    def die_after_commit(self) -> None:
        """The same in a process that is killed between COMMIT and put."""
        connection.close()
        child = os.fork()
        if child == 0:
            try:
                self._save("killed", then=lambda: os.kill(os.getpid(), signal.SIGKILL))
            finally:
                os._exit(1)
        os.waitpid(child, 0)

    def psql(self) -> None:
        """A statement past Django."""
        prefix, model, number = self._pick()
        with contextlib.closing(psycopg2.connect(settings.DATABASE_URL)) as session:
            began = now()
            with session, session.cursor() as cursor:
                cursor.execute(
                    f"UPDATE {model._meta.db_table} SET quantity = %s WHERE number = %s RETURNING version",
                    [self.dice.randint(1, 100), number],
                )
                [version] = cursor.fetchone()
            self.notebook.note(Write(f"{prefix}{number}", version, began, now(), "psql"))

    def bulk(self) -> None:
        """``update()`` of several rows, or ``bulk_create()``: no signal tells of either."""
        if self.unborn and self.dice.random() < BIRTHS:
            self._give_birth()
            return
        prefix, model, _ = self._pick()
        numbers = sorted(self.dice.sample(self._numbers(prefix), MOST_AT_ONCE))
        began = now()
        with transaction.atomic():
            # In one order, so that no other writer of several rows waits for us while we wait for it.
            chosen: Any = model._default_manager.filter(number__in=numbers)
            list(chosen.order_by("number").select_for_update().values_list("pk"))
            chosen.update(quantity=self.dice.randint(1, 100))
            versions = list(chosen.values_list("number", "version"))
        for number, version in versions:
            self.notebook.note(Write(f"{prefix}{number}", version, began, now(), "bulk"))

    def _give_birth(self) -> None:
        number, who = self.unborn.pop()
        began = now()
        order = Order(
            number=number,
            client_id=self.plan.user_ids[who],
            title="Bulk",
            material=Material.BRASS,
            quantity=1,
        )
        with transaction.atomic():
            Order.objects.bulk_create([order])
            line = {"to_status": Status.INITIATED, "actor_kind": ActorKind.SYSTEM, "at": timezone.now()}
            OrderStatusChange.objects.bulk_create([OrderStatusChange(order=order, **line)])
            order.refresh_from_db(fields=["version"])
        self.notebook.note(Write(f"S:{number}", order.version, began, now(), "bulk"))

    def _pick(self) -> tuple[str, type[Order] | type[WorkOrder], str]:
        prefix, model = self.dice.choice(_MODELS)
        return prefix, model, self.dice.choice(self._numbers(prefix))

    def _numbers(self, prefix: str) -> list[str]:
        return [*self.plan.drafts] if prefix == "S:" else self.plan.contested


def main() -> None:
    """Write until SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    Writer(Plan.read(sys.argv[1])).run(stop)


if __name__ == "__main__":
    main()
