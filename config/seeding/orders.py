"""How do thousands of orders get into both contexts in seconds?"""

import random
from collections.abc import Callable
from itertools import islice

from django.db import connection, transaction
from django.utils import timezone

from accounts.models import User
from config.seeding.copying import copy_rows, take_ids
from config.seeding.lives import Life, lives
from config.seeding.stories import Cast
from events.vocabulary import new_number
from mes.models import WorkOrder, WorkOrderStatusChange
from shop.models import Order, OrderStatusChange

BATCH = 2000


def seed_orders(users: dict[str, User], count: int, progress: Callable[[int], None]) -> None:
    """Write ``count`` orders in the middle of their lives; ``progress`` hears after each batch how many.

    A batch is a transaction, so memory stays flat and a broken run leaves only whole orders. Nothing goes
    through the outbox: what happened to these orders was told long ago. ``mes_version`` and ``shop_version``
    stay 0 (no news applied yet), so whatever happens to them next is newer. Rows are written in the order of
    creation, which is therefore the order of positions: the newest is on top of the board.
    """
    dice = random.Random(Order.objects.count())  # noqa: S311 - the same demo every time, and no secrets
    cast = Cast(users, dice)
    stream = lives(count, dice, timezone.now())
    done = 0
    while batch := list(islice(stream, BATCH)):
        with transaction.atomic():
            _write(batch, cast)
        done += len(batch)
        progress(done)
    with connection.cursor() as cursor:
        for model in (Order, OrderStatusChange, WorkOrder, WorkOrderStatusChange):
            cursor.execute(f"ANALYZE {model._meta.db_table}")


def _write(batch: list[Life], cast: Cast) -> None:
    keys = zip(
        batch,
        _new_numbers(batch),
        take_ids(Order, len(batch)),
        take_ids(WorkOrder, len(batch)),
        strict=True,
    )
    stories = [cast.tell(*key) for key in keys]
    entered = [story for story in stories if story.life.mes_steps]
    copy_rows(Order, (story.order() for story in stories))
    copy_rows(OrderStatusChange, (line for story in stories for line in story.order_lines()))
    copy_rows(WorkOrder, (story.work_order() for story in entered))
    copy_rows(WorkOrderStatusChange, (line for story in entered for line in story.work_order_lines()))


def _new_numbers(batch: list[Life]) -> list[str]:
    """A number for each; none that another order has, which among a million is no longer unlikely."""
    while True:
        numbers = [new_number("P" if life.is_partners else "A") for life in batch]
        is_fresh = len(set(numbers)) == len(numbers)
        if is_fresh and not Order.objects.filter(number__in=numbers).exists():
            return numbers
