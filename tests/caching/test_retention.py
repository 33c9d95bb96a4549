"""Does the board keep the N latest orders and every one that nobody has claimed, and nothing else?"""

from pytest_django import Settings

from accounts.models import User
from caching import board
from caching.redis import relay_connection
from caching.relay import Relay
from caching.tasks import enforce_retention
from events.vocabulary import UNCLAIMED, Status
from mes.caches import BOARD
from mes.claims import work_order_claim, work_order_release
from mes.models import WorkOrder
from tests.caching.boards import cached, fill, rows_of, stored, whole
from tests.caching.kinds import rebuild
from tests.caching.relays import SteppedRelay
from tests.caching.sabotage import needs, scripts
from tests.factories import WorkOrderFactory
from tests.threads import at_once, in_background, until

S = Status


def test_of_5000_orders_the_100_latest_stay_and_300_old_ones_that_nobody_has_claimed(
    stepped_relay: SteppedRelay, settings: Settings
) -> None:
    statuses = [S.SHIPPED, S.CLOSED, S.CANCELLED, S.MANUFACTURING_STARTED, S.PACKAGING] * 1000
    for n, status in zip(range(0, 4500, 15), sorted(UNCLAIMED) * 75, strict=True):
        statuses[n] = status
    settings.CACHE_BOARD_LATEST = 10_000
    numbers = fill(statuses)
    unclaimed = {n for n, status in zip(numbers, statuses, strict=True) if status in UNCLAIMED}
    rebuild(stepped_relay)
    assert (len(cached()), len(unclaimed)) == (5000, 300)
    settings.CACHE_BOARD_LATEST = 100

    assert enforce_retention() == {"mes.board": 4600}

    assert cached() == unclaimed | set(numbers[-100:])
    assert enforce_retention() == {"mes.board": 0}
    assert whole(200) == stored()
    for status in UNCLAIMED:
        assert whole(50, {"status": status}) == stored(status=status)
        assert BOARD.page({"status": status}, 1).count == 75


def test_a_put_trims_a_little_so_that_the_board_does_not_grow_between_two_tasks(
    stepped_relay: SteppedRelay, settings: Settings
) -> None:
    settings.CACHE_BOARD_LATEST = 20
    fill([S.SHIPPED] * 60)
    rebuild(stepped_relay)
    settings.CACHE_BOARD_LATEST = 10
    for left in (20 + 1 - 2, 19 + 1 - 2, 18 + 1 - 2):
        WorkOrderFactory(status=S.SHIPPED)
        assert len(cached()) == left
    assert whole(7) == stored()


def test_what_was_dropped_is_remembered_for_a_minute(stepped_relay: SteppedRelay, settings: Settings) -> None:
    """Its version tells a late put from a new one; then it goes too."""
    redis, key = relay_connection(), BOARD.partition.key
    settings.CACHE_BOARD_LATEST = 10
    fill([S.SHIPPED] * 10)
    rebuild(stepped_relay)
    settings.CACHE_BOARD_LATEST = 4
    assert BOARD.trim() == 6
    assert (redis.hlen(key("meta")), redis.zcard(key("tombs"))) == (10, 6)

    for number, at in redis.zrange(key("tombs"), 0, 3, withscores=True):
        redis.zadd(key("tombs"), {number: at - 60_000})
    BOARD.trim()
    assert (redis.hlen(key("meta")), redis.zcard(key("tombs"))) == (6, 2)


@needs(
    held_has_an_etag=scripts(
        board.TRIM, line="touched[droppable] = true", instead="touched[droppable] = nil"
    )
)  # fmt: skip
def test_counts_of_what_is_held_have_another_etag_when_rows_were_dropped(
    stepped_relay: SteppedRelay, settings: Settings
) -> None:
    settings.CACHE_BOARD_LATEST = 10
    fill([S.SHIPPED] * 10)
    rebuild(stepped_relay)
    known = BOARD.counts([{}])
    settings.CACHE_BOARD_LATEST = 4
    assert BOARD.trim() == 6
    trimmed = BOARD.counts([{}])
    assert (known.views, trimmed.views) == ([10], [4])
    assert trimmed.etag != known.etag


def test_a_board_whose_redis_is_away_is_trimmed_the_next_time(
    stepped_relay: SteppedRelay, settings: Settings
) -> None:
    settings.CACHE_ENABLED = False
    assert enforce_retention() == {}


@needs(
    unclaimed_stay=scripts(
        board.TRIM, line="local any, droppable = string.rep('*', width), string.rep('!', width)",
        instead="local any, droppable = string.rep('*', width), string.rep('*', width)",
    )
)  # fmt: skip
def test_an_old_order_that_is_given_back_stays(
    stepped_relay: SteppedRelay, olga: User, settings: Settings
) -> None:
    """Unclaimed and old as it was: droppable while it is held, and not from the moment it is released."""
    settings.CACHE_BOARD_LATEST = 3
    old, older = fill([S.SUBMITTED, S.MANUFACTURING_APPROVED])[::-1]
    fill([S.SHIPPED] * 5)
    rebuild(stepped_relay)
    held = work_order_claim(number=old, operator=olga)
    BOARD.trim()
    assert old not in cached()

    work_order_release(order_id=held.pk, operator=olga, reason="Broken tool")
    fill([S.SHIPPED] * 5)
    stepped_relay.run_pass()
    BOARD.trim()

    assert {old, older} < cached()
    assert [row["number"] for row in rows_of(BOARD.page({"status": S.MANUFACTURING_APPROVED}, 5))] == [old]


def test_no_unclaimed_order_is_ever_missed_while_orders_come_and_go_and_the_board_is_trimmed(
    relay: Relay, olga: User, otto: User, settings: Settings
) -> None:
    settings.CACHE_BOARD_LATEST = 15
    untouched = set(fill([S.MANUFACTURING_APPROVED, S.SHIPPED] * 20)[::2])
    until(lambda: untouched <= cached())

    def claim_and_release(operator: User) -> None:
        for n in range(25):
            order = WorkOrderFactory(status=S.MANUFACTURING_APPROVED)
            held = work_order_claim(number=order.number, operator=operator)
            if n % 2:
                work_order_release(order_id=held.pk, operator=operator, reason="Broken tool")

    def ship() -> None:
        for _ in range(15):
            fill([S.SHIPPED] * 4)

    writers = in_background(
        lambda: at_once(lambda: claim_and_release(olga), lambda: claim_and_release(otto), ship)
    )
    missed: list[set[str]] = []
    while not writers.done():
        enforce_retention()
        page = BOARD.page({"status": S.MANUFACTURING_APPROVED}, 200)
        if page.status == "mes-board; hit":
            missed.append(untouched - {row["number"] for row in rows_of(page)})

    assert writers.result() == [None, None, None]
    assert len(missed) > 10
    assert not any(missed)
    enforce_retention()
    unclaimed = set(WorkOrder.objects.filter(status__in=UNCLAIMED).values_list("number", flat=True))
    assert unclaimed <= cached()
    assert whole(50) == stored()
