"""When is a write committed? A process that writes a work order's title, beside the one that looks for it.

`python -m benchmarks.writer <how> <number>` reads titles from its input, a line each; it answers each with
the moment (seconds of CLOCK_MONOTONIC) at which its COMMIT had returned. How: orm, psql or killed.
"""

import os
import sys
import time
from collections.abc import Callable

import django

django.setup()

import psycopg2  # noqa: E402
from django.conf import settings  # noqa: E402 - models need django.setup()
from django.db import transaction  # noqa: E402

from mes.models import WorkOrder  # noqa: E402

how, number = sys.argv[1:]


def answer() -> None:
    """Now it is committed."""
    os.write(1, f"{time.monotonic()}\n".encode())


def save(title: str, *, then: Callable[[], None] = lambda: None) -> None:
    """By the ORM; ``then`` is called between COMMIT and write-through."""
    with transaction.atomic():
        transaction.on_commit(answer)
        transaction.on_commit(then)
        order = WorkOrder.objects.get(number=number)
        order.title = title
        order.save()


def die_after_commit(title: str) -> None:
    """By the ORM, in a process that dies before it can write through."""
    child = os.fork()
    if not child:
        save(title, then=lambda: os._exit(9))
    os.waitpid(child, 0)


def past_django() -> Callable[[str], None]:
    """As psql would, on a connection of its own."""
    connection = psycopg2.connect(settings.DATABASE_URL)
    connection.autocommit = True
    cursor = connection.cursor()

    def write(title: str) -> None:
        cursor.execute("UPDATE mes_workorder SET title = %s WHERE number = %s", [title, number])
        answer()

    return write


write = {"orm": lambda: save, "psql": past_django, "killed": lambda: die_after_commit}[how]()
for line in sys.stdin:
    write(line.strip())
