"""Does whoever comes late with what they read ever undo what was written meanwhile?

A late put is paused between its SELECT and its script: random load does not find these.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from pytest_django import Settings

from accounts.models import User
from caching import partition
from caching.declared import REVISION_BITS, end_of_life
from caching.redis import FAILURES_TO_OPEN, breaker, relay_connection
from events.vocabulary import Status
from mes.caches import BOARD
from mes.claims import work_order_claim
from mes.models import WorkOrder
from shop.models import Order
from tests.caching import safeguards
from tests.caching.kinds import PLANT, SHOP, Kind, rebuild
from tests.caching.relays import SteppedRelay
from tests.caching.sabotage import needs
from tests.factories import WorkOrderFactory
from tests.threads import Paused

both = pytest.mark.parametrize("kind", [SHOP, PLANT], ids=["shop", "mes"])
ABSENT = "A-00000000"


class Boom(Exception):
    pass


def boom() -> None:
    raise Boom


@contextmanager
def rolled_back() -> Iterator[None]:
    """A transaction, or a savepoint in one, that comes to nothing."""
    with suppress(Boom), transaction.atomic():
        yield
        boom()


def change(row: Order | WorkOrder, title: str) -> None:
    row.title = title
    row.save()


def lose(kind: Kind, number: str) -> None:
    """The row and all memory of it leave Redis."""
    redis, partition = relay_connection(), kind.cache.partitions[0]
    redis.unlink(partition.key(f"row:{number}"))
    redis.hdel(partition.key("meta"), number)


# -- Late puts --------------------------------------------------------------------------------------------


@both
@needs(versions=safeguards.versions)
def test_a_slow_reader_does_not_undo_a_fast_writer(kind: Kind, stepped_relay: SteppedRelay) -> None:
    row = kind.make(title="old")
    with kind.late_put(row.number) as reader:
        change(row, "new")
        reader.go_on()
    assert kind.shown(row.number) == "new"


@both
@needs(versions=safeguards.versions)
def test_of_two_writers_the_one_who_committed_last_is_shown(kind: Kind, stepped_relay: SteppedRelay) -> None:
    """The first is slow between its commit and its put."""
    row = kind.make(title="old")
    first = type(row).objects.get()
    with Paused(lambda: change(first, "first"), after=f'FROM "{kind.table}"') as slow:
        change(row, "second")
        slow.go_on()
    assert kind.shown(row.number) == "second"


@both
@needs(tombstones=safeguards.tombstones)
def test_a_slow_reader_does_not_revive_a_deleted_row(kind: Kind, stepped_relay: SteppedRelay) -> None:
    row = kind.make()
    type(row).objects.update(title="later than what the deleter has loaded")
    with kind.late_put(row.number) as reader:
        row.delete()
        reader.go_on()
    assert kind.shown(row.number) is None


@needs(memory=safeguards.memory)
def test_the_board_remembers_for_a_while_what_has_gone(stepped_relay: SteppedRelay) -> None:
    row = PLANT.make()
    with PLANT.late_put(row.number) as reader:
        row.delete()
        reader.go_on()
    assert PLANT.shown(row.number) is None


@both
@needs(versions=safeguards.versions)
def test_who_found_no_row_does_not_hide_one_that_was_made_since(
    kind: Kind, stepped_relay: SteppedRelay
) -> None:
    with kind.late_put(ABSENT) as reader:
        kind.make(number=ABSENT, title="new")
        reader.go_on()
    assert kind.shown(ABSENT) == "new"


@both
@needs(versions=safeguards.versions)
def test_a_row_that_comes_back_under_its_number_is_shown_and_its_first_life_is_not(
    kind: Kind, stepped_relay: SteppedRelay
) -> None:
    row = kind.make(number=ABSENT, title="first life")
    with kind.late_put(ABSENT) as reader:
        row.delete()
        assert kind.shown(ABSENT) is None
        kind.make(number=ABSENT, title="second life")
        assert kind.shown(ABSENT) == "second life"
        reader.go_on()
    assert kind.shown(ABSENT) == "second life"


@both
@needs(epochs=safeguards.epochs)
def test_what_was_read_before_a_rebuild_is_read_again(kind: Kind, stepped_relay: SteppedRelay) -> None:
    """The rebuild forgot the newer version, so only the epoch tells that the late put is from before."""
    row = kind.make(title="old")
    with kind.late_put(row.number) as reader:
        change(row, "new")
        stepped_relay.settle()
        rebuild(stepped_relay)
        lose(kind, row.number)
        reader.go_on()
    assert kind.shown(row.number) == "new"


@both
@needs(deadlines=safeguards.deadlines)
def test_what_was_read_too_long_ago_is_read_again(
    kind: Kind, stepped_relay: SteppedRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions are not remembered for ever: after its deadline a put can't be told from an old one."""
    row = kind.make(title="old")
    monkeypatch.setattr(partition, "PUT_DEADLINE_US", -1)
    with kind.late_put(row.number) as reader:
        monkeypatch.undo()  # the reader has its own already: it is past
        change(row, "new")
        lose(kind, row.number)
        reader.go_on()
    assert kind.shown(row.number) == "new"


@needs(memory=safeguards.memory)
def test_a_row_that_retention_does_not_keep_leaves_its_version(
    stepped_relay: SteppedRelay, olga: User, settings: Settings
) -> None:
    """An old order is claimed, so it leaves; who read it unclaimed must not bring it back."""
    settings.CACHE_BOARD_LATEST = 1
    old = PLANT.make(title="unclaimed")
    WorkOrderFactory.create_batch(2, status=Status.SHIPPED)
    rebuild(stepped_relay)
    assert claimable() == (1, "mes-board; hit")
    with PLANT.late_put(old.number) as reader:
        work_order_claim(number=old.number, operator=olga)
        reader.go_on()
    assert claimable() == (0, "mes-board; hit")


def claimable() -> tuple[int | None, str]:
    page = BOARD.page({"status": Status.MANUFACTURING_APPROVED}, 10)
    return page.count, page.status


def test_a_version_that_is_known_is_put_again_only_where_its_payload_is_gone(
    stepped_relay: SteppedRelay,
) -> None:
    redis, partition = relay_connection(), BOARD.partition
    row = PLANT.make(title="kept")
    operation = BOARD.operation(WorkOrder.objects.get())
    token = partition.token()
    assert token
    assert BOARD._put(token, [operation])[0] == 0
    assert BOARD._put(token, [replace(operation, version=operation.version - 1)])[0] == 0

    redis.hset(partition.key("meta"), row.number, f"{operation.version}::")
    redis.hdel(partition.key("rows"), row.number)
    assert BOARD._put(token, [operation])[0] == 1
    assert PLANT.shown(row.number) == "kept"


# -- Versions ---------------------------------------------------------------------------------------------


@both
@needs(digits=safeguards.digits)
def test_versions_of_more_than_53_bits_are_told_apart(kind: Kind, stepped_relay: SteppedRelay) -> None:
    """A Lua number holds no more: as numbers, these two versions are equal."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval('caching_incarnation', greatest(last_value, %s)) FROM caching_incarnation",
            [1 << 42],
        )
    row = kind.make(title="old")
    row.refresh_from_db()
    assert float(row.version) == float(row.version + 1)
    with kind.late_put(row.number) as reader:
        change(row, "new")
        reader.go_on()
    assert kind.shown(row.number) == "new"


@both
def test_a_row_that_was_changed_a_million_times_goes_on(kind: Kind, stepped_relay: SteppedRelay) -> None:
    """Its revisions are used up, and a new incarnation begins: newer still than the end of the old one."""
    row = kind.make(title="old")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # no triggers
        cursor.execute(f"UPDATE {kind.table} SET version = version | {REVISION_BITS - 1}")
    kind.cache.write_through({row.number: 0})
    row.refresh_from_db()
    assert end_of_life(row.version) == row.version + 1

    with kind.late_put(row.number) as reader:
        change(row, "new")
        reader.go_on()
    assert kind.shown(row.number) == "new"
    row.refresh_from_db()
    row.delete()
    assert kind.shown(row.number) is None


# -- Transactions -----------------------------------------------------------------------------------------


@both
@needs(commits=safeguards.commits)
def test_nothing_of_a_transaction_that_was_rolled_back_is_cached(
    kind: Kind, stepped_relay: SteppedRelay
) -> None:
    row = kind.make(title="old")
    with rolled_back():
        change(row, "never")
        kind.make(number=ABSENT, title="never")
    assert (kind.shown(row.number), kind.shown(ABSENT)) == ("old", None)


@both
@needs(commits=safeguards.commits)
def test_nothing_of_a_savepoint_that_was_rolled_back_is_cached(
    kind: Kind, stepped_relay: SteppedRelay
) -> None:
    row, other = kind.make(title="old"), kind.make(title="old")
    with transaction.atomic():
        change(other, "new")
        with rolled_back():
            change(row, "never")
            kind.make(number=ABSENT, title="never")
    shown = (kind.shown(row.number), kind.shown(ABSENT), kind.shown(other.number))
    assert shown == ("old", None, "new")


@both
@needs(commits=safeguards.commits)
def test_nothing_of_a_commit_that_failed_is_cached(kind: Kind, stepped_relay: SteppedRelay) -> None:
    """A foreign key is checked at COMMIT."""
    row = kind.make(title="old")
    setattr(row, "client_id" if kind is SHOP else "partner_id", 10**9)
    with suppress(IntegrityError), transaction.atomic():
        change(row, "never")
    assert kind.shown(row.number) == "old"


@both
def test_what_was_saved_before_a_savepoint_that_was_rolled_back_is_cached(
    kind: Kind, stepped_relay: SteppedRelay
) -> None:
    row = kind.make(title="old")
    with transaction.atomic():
        change(row, "new")
        with rolled_back():
            change(row, "never")
    assert kind.shown(row.number) == "new"


@both
@needs(transactions=safeguards.transactions)
def test_a_reader_in_an_old_snapshot_neither_hits_nor_fills(kind: Kind, stepped_relay: SteppedRelay) -> None:
    row = kind.make(title="old")

    def read_twice() -> str:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            assert kind.cache.model.objects.get().title == "old"  # the snapshot is taken
            return kind.how(row.number)

    with Paused(read_twice, after=f'FROM "{kind.table}"') as reader:
        change(row, "new")
        lose(kind, row.number)
        assert reader.go_on() == f"{kind.cache.status_name}; fwd=bypass; detail=transaction"
    assert kind.shown(row.number) == "new"


# -- Faults between commit and put ------------------------------------------------------------------------


@both
def test_a_callback_of_somebody_else_that_fails_costs_only_the_wait_for_the_relay(
    kind: Kind, stepped_relay: SteppedRelay
) -> None:
    row = kind.make(title="old")
    with suppress(Boom), transaction.atomic():
        transaction.on_commit(boom)
        change(row, "new")
    assert kind.shown(row.number) == "old"
    stepped_relay.run_pass()
    assert kind.shown(row.number) == "new"


@both
def test_a_writer_does_not_learn_that_the_cache_could_not_read_its_row(
    kind: Kind, stepped_relay: SteppedRelay
) -> None:
    """COMMIT has succeeded; an error now would make its caller believe it had not."""
    row = kind.make(title="old")
    for block in (nullcontext, transaction.atomic):
        with connection.execute_wrapper(no_select), block():
            change(row, f"new by {block.__name__}")
        assert kind.shown(row.number) != row.title
        stepped_relay.run_pass()
        assert kind.shown(row.number) == row.title


def no_select(execute: Any, sql: str, *rest: Any) -> Any:
    if sql.startswith("SELECT"):
        raise OperationalError("server closed the connection unexpectedly")
    return execute(sql, *rest)


@both
def test_a_redis_that_is_away_for_a_moment_costs_only_the_wait_for_the_relay(
    kind: Kind, stepped_relay: SteppedRelay
) -> None:
    row = kind.make(title="old")
    for _ in range(FAILURES_TO_OPEN):
        breaker.failed()
    change(row, "new")
    breaker.succeeded()
    stepped_relay.run_pass()
    assert kind.shown(row.number) == "new"
