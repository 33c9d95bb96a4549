"""Clients and operators at work while something goes wrong: they read by the API and write all the time."""

import random
import threading
import time
from typing import Any, Self

from django.db import connection, connections, transaction

from accounts.models import User
from accounts.roles import Role
from mes.models import WorkOrder
from shop.models import Order
from tests.caching.staleness import Ledger, Read
from tests.clients import ApiClient
from tests.factories import OrderFactory, UserFactory, WorkOrderFactory
from tests.threads import PATIENCE, until

ORDERS = 20


class Load:
    """``with Load() as load:`` reads and writes until the block ends; ``load.ledger`` is what came of it.

    Half of the writes are made past Django, so that no signal tells of them. ``pause`` is what a thread
    waits between two calls, in seconds.
    """

    def __init__(self, readers: int = 2, writers: int = 1, pause: float = 0.002) -> None:
        self.ledger = Ledger()
        self._pause = pause
        self._client = UserFactory(role=Role.CLIENT)
        self._operator = UserFactory(role=Role.OPERATOR)
        self._orders = [OrderFactory(client=self._client) for _ in range(ORDERS)]
        self._board = [WorkOrderFactory() for _ in range(ORDERS)]
        self._stop = threading.Event()
        self._threads = [
            *(threading.Thread(target=self._until_stopped, args=(self._read,)) for _ in range(readers)),
            *(threading.Thread(target=self._until_stopped, args=(self._write,)) for _ in range(writers)),
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def wait(self, seconds: float) -> None:
        """Let it go on for a while."""
        threading.Event().wait(seconds)

    def wait_for_hits(self) -> float:
        """Wait until both caches answer again; returns how many seconds that took."""
        began = time.monotonic()
        names = ("shop-order", "mes-board")

        def hit_again() -> bool:
            seen = {read.how for read in self.ledger.reads[-200:] if read.began > began}
            return seen >= {f"{name}; hit" for name in names}

        until(hit_again)
        return time.monotonic() - began

    def _until_stopped(self, act: Any) -> None:
        try:
            while not self._stop.is_set():
                try:
                    act()
                except Exception as error:  # whatever a caller would see is a failure
                    self.ledger.failures.append(repr(error))
                self._stop.wait(self._pause)
        finally:
            connections.close_all()

    def _read(self) -> None:
        """One order as its client, then the board as an operator."""
        order = random.choice(self._orders)
        answer = self._get(self._client, f"shop/orders/{order.number}/")
        if answer:
            self._note(*answer, {order.number: answer[-1]["version"]})
        answer = self._get(self._operator, "mes/orders/?limit=50")
        if answer:
            self._note(*answer, {row["number"]: row["version"] for row in answer[-1]["results"]})

    def _get(self, user: User, path: str) -> tuple[float, float, str, Any] | None:
        began = time.monotonic()
        answer = ApiClient(user).get(f"/api/v1/{path}")
        if answer.status_code != 200:
            self.ledger.failures.append(f"{path}: {answer.status_code} {answer.content!r}")
            return None
        return began, time.monotonic(), answer["Cache-Status"], answer.json()

    def _note(self, began: float, ended: float, how: str, _body: Any, versions: dict[str, int]) -> None:
        if len(versions) not in (1, ORDERS):
            self.ledger.failures.append(f"the board shows {len(versions)} of {ORDERS} orders")
        self.ledger.reads.append(Read(began, ended, how.partition("; fwd")[0], versions))

    def _write(self) -> None:
        """Change one row of each table, by Django or past it, and note the version that was committed."""
        for row in (random.choice(self._orders), random.choice(self._board)):
            model: type[Order | WorkOrder] = type(row)
            committed: list[float] = []
            with transaction.atomic():
                # The first to be called after COMMIT: writing through comes later, and may wait for Redis.
                transaction.on_commit(lambda at=committed: at.append(time.monotonic()))
                if random.random() < 0.5:
                    fresh = model.objects.select_for_update().get(pk=row.pk)
                    fresh.quantity = fresh.quantity % 100 + 1
                    fresh.save()
                    fresh.refresh_from_db(fields=["version"])
                    version = fresh.version
                else:
                    with connection.cursor() as cursor:
                        cursor.execute(
                            f"UPDATE {model._meta.db_table} SET quantity = quantity % 100 + 1"
                            " WHERE id = %s RETURNING version".replace("% 100", "%% 100"),
                            [row.pk],
                        )
                        version = cursor.fetchone()[0]
            self.ledger.writes[row.number].append((version, committed[0]))
