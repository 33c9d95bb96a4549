"""How do thousands of orders get into both contexts in seconds?"""

import random
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from accounts.models import User
from config.seeding.copying import Copy, as_text, take_ids
from config.seeding.lives import Life, lives
from config.seeding.stories import LINE_COLUMNS, Cast, Line, Row
from events.vocabulary import new_number
from mes.models import WorkOrder, WorkOrderStatusChange
from shop.models import Order, OrderStatusChange

BATCH = 2000


def seed_orders(users: dict[str, User], count: int, progress: Callable[[int], None]) -> None:
    """Write ``count`` orders in the middle of their lives; ``progress`` hears after each batch how many.

    A batch is a transaction, so memory stays flat and a broken run leaves only whole orders; while
    PostgreSQL takes one, a thread puts the next into words. Nothing goes through the outbox: what happened
    to these orders was told long ago. ``mes_version`` and ``shop_version`` stay 0 (no news applied yet), so
    whatever happens to them next is newer. Rows are written in the order of creation, which is therefore the
    order of positions: the newest is on top of the board.
    """
    seed = Order.objects.count()  # the same demo every time
    stream = lives(count, random.Random(f"lives {seed}"), timezone.now())  # noqa: S311 - no secrets
    cast = Cast(users, random.Random(f"stories {seed}"))  # noqa: S311
    done = 0
    for size, copies in _worded(stream, cast):
        with transaction.atomic():
            for copy in copies:
                copy.write()
        done += size
        progress(done)
    with connection.cursor() as cursor:
        for model in (Order, OrderStatusChange, WorkOrder, WorkOrderStatusChange):
            cursor.execute(f"ANALYZE {model._meta.db_table}")


def _worded(stream: Iterator[Life], cast: Cast) -> Iterator[tuple[int, list[Copy]]]:
    """Batches ready to be written, each with its size; a thread prepares the next while one is written."""
    with ThreadPoolExecutor(max_workers=1) as typist:
        ready: Future[tuple[int, list[Copy]]] | None = None
        while batch := list(islice(stream, BATCH)):
            keys = _new_numbers(batch), take_ids(Order, len(batch)), take_ids(WorkOrder, len(batch))
            following = typist.submit(_put_into_words, cast, batch, *keys)
            if ready:
                yield ready.result()
            ready = following
        if ready:
            yield ready.result()


def _put_into_words(
    cast: Cast, batch: list[Life], numbers: list[str], shop_ids: list[int], mes_ids: list[int]
) -> tuple[int, list[Copy]]:
    """Runs in a thread, where it may not ask the database: that would be another connection."""
    stories = [cast.tell(*key) for key in zip(batch, numbers, shop_ids, mes_ids, strict=True)]
    entered = [story for story in stories if story.life.mes_steps]
    copies = [
        _rows(Order, [story.order() for story in stories]),
        _lines(OrderStatusChange, "order_id", (line for story in stories for line in story.order_lines())),
        _rows(WorkOrder, [story.work_order() for story in entered]),
        _lines(
            WorkOrderStatusChange,
            "work_order_id",
            (line for story in entered for line in story.work_order_lines()),
        ),
    ]
    return len(batch), copies


def _rows(model: type[Model], rows: list[Row]) -> Copy:
    return Copy.of(model, tuple(rows[0]) if rows else (), (map(as_text, row.values()) for row in rows))


def _lines(model: type[Model], order: str, lines: Iterable[Line]) -> Copy:
    """The reasons among the lines are sentences of ours, without a character that COPY would mistake."""
    return Copy.of(model, (*LINE_COLUMNS, order, "actor_id"), lines)


def _new_numbers(batch: list[Life]) -> list[str]:
    """A number for each; none that another order has, which among a million is no longer unlikely."""
    while True:
        numbers = [new_number("P" if life.is_partners else "A") for life in batch]
        is_fresh = len(set(numbers)) == len(numbers)
        if is_fresh and not Order.objects.filter(number__in=numbers).exists():
            return numbers
