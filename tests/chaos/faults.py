"""What is broken in a run, how, and how is it given back?

Each fault is a function of the site and dice; when it returns, what it took away works again or is about to.
It returns another name than its own when something else happened than was meant.
"""

import random
import threading
from collections.abc import Callable
from contextlib import suppress

from tests.chaos.psql import COPY, SPARE, alter, ask, psql
from tests.chaos.site import RELAYS, Site
from tests.live import WORKERS
from tests.threads import until

Fault = Callable[[Site, random.Random], str | None]
#: By name, as reports and ``--faults`` say it.
FAULTS: dict[str, Fault] = {}


def fault(act: Fault) -> Fault:
    """Register a fault under its function's name."""
    FAULTS[act.__name__.replace("_", "-")] = act
    return act


def wait(seconds: float) -> None:
    """Let the others go on for a while."""
    threading.Event().wait(seconds)


@fault
def web_worker_killed(site: Site, dice: random.Random) -> None:
    """kill -9 of one of the web's workers; granian starts another."""
    dice.choice(site.children("web")).kill()
    site.wait_for(lambda: site.works("web"), "the web to answer")


@fault
def web_killed(site: Site, dice: random.Random) -> None:
    """kill -9 of the whole web, requests under way included."""
    site.kill("web")
    site.start("web")


@fault
def celery_killed(site: Site, dice: random.Random) -> None:
    """kill -9 of the workers and their children in the middle of what they do."""
    for name in WORKERS:
        site.kill(name)
    wait(dice.uniform(0, 1))
    site.start(*WORKERS)


@fault
def broker_killed(site: Site, dice: random.Random) -> None:
    """kill -9 of the broker."""
    site.kill_broker()


@fault
def relay_killed(site: Site, dice: random.Random) -> None:
    """kill -9 of the relay that leads; the other takes over."""
    name = site.leader() or RELAYS[0]
    site.kill(name)
    wait(dice.uniform(0, 3))
    site.start(name)


@fault
def both_relays_killed(site: Site, dice: random.Random) -> None:
    """kill -9 of both: nobody renews a fence, so hits end within B."""
    for name in RELAYS:
        site.kill(name)
    wait(dice.uniform(1, 5))
    site.start(*RELAYS)


@fault
def relay_frozen(site: Site, dice: random.Random) -> None:
    """SIGSTOP of the relay that leads, shorter or longer than B; then it wakes up and goes on."""
    with site.frozen(site.leader() or RELAYS[0]):
        wait(dice.uniform(0.5, 5))


@fault
def valkey_frozen(site: Site, dice: random.Random) -> None:
    """SIGSTOP of the master; when it lasts, the replica is promoted, and this one wakes up deposed."""
    with site.caches.master().frozen():
        wait(dice.choice((0.05, 0.3, 1.5, 3)))
    site.caches.mend()


@fault
def flushed(site: Site, dice: random.Random) -> None:
    """FLUSHALL: everything is gone, the fence too."""
    site.caches.master().client.flushall()


@fault
def old_dump(site: Site, dice: random.Random) -> None:
    """The master is killed and comes back with what it had some seconds ago."""
    master = site.caches.master()
    master.dump()
    wait(dice.uniform(0.2, 3))
    master.kill()
    master.start()
    site.caches.mend()


@fault
def failover(site: Site, dice: random.Random) -> str | None:
    """The master dies while its replica lags, and that one is promoted; the old one returns as replica."""
    master, replica = site.caches.master(), site.caches.replica()
    with replica.frozen():
        wait(dice.uniform(0.1, 1))
        master.kill()
    with suppress(AssertionError):  # the Sentinel may have gone back on its word when it comes late
        until(lambda: site.caches.master() is replica)
    master.forget_dump()
    master.start()
    site.caches.mend()
    return None if site.caches.master() is replica else "failover-refused"


@fault
def postgres_killed(site: Site, dice: random.Random) -> None:
    """kill -9 of PostgreSQL with every session."""
    site.kill_postgres()


@fault
def settings_rolled(site: Site, dice: random.Random) -> None:
    """Other settings decide where rows live, one program after the other: web, relays, workers."""
    site.overrides = {} if site.overrides else {"CACHE_SHOP_PARTITIONS": str(dice.randint(2, 5))}
    programs = ("web", *RELAYS, *WORKERS)
    for name in dice.sample(programs, len(programs)):
        site.kill(name)
        site.start(name)
        wait(dice.uniform(0, 2))


@fault
def copied_database(site: Site, dice: random.Random) -> None:
    """A relay of a copy of the database (a dump that somebody restored) on the same Redis."""
    with site.stranger(DATABASE_URL=COPY.geturl()):
        site.wait_for(lambda: site.log("stranger").read_text(), "the stranger to lead or to stand by")
        wait(dice.uniform(2, 5))


@fault
def outbox_locked(site: Site, dice: random.Random) -> None:
    """Somebody in psql has locked events that wait, and orders that they are about."""
    with psql() as cursor:
        cursor.execute(
            "SELECT subject FROM events_outboxevent ORDER BY id DESC LIMIT 3 FOR UPDATE SKIP LOCKED"
        )
        subjects = [subject for (subject,) in cursor.fetchall()]
        cursor.execute("SELECT FROM mes_workorder WHERE number = ANY(%s) FOR UPDATE SKIP LOCKED", [subjects])
        wait(dice.uniform(1, 6))


@fault
def odd_row(site: Site, dice: random.Random) -> None:
    """An order that nobody can show (its constraint was taken away) is there for a while."""
    constraint, odd = "shop_order_model", f"UPDATE shop_order SET model = %s WHERE title = '{SPARE}'"
    [definition] = ask("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s", constraint)
    alter(f"ALTER TABLE shop_order DROP CONSTRAINT {constraint}")
    try:
        ask(f"{odd} RETURNING id", '{"name": "ring.stl"}')
        wait(dice.uniform(1, 4))
        assert site.leader(), "no relay leads beside an odd row"
    finally:
        ask(f"{odd} RETURNING id", None)
        alter(f"ALTER TABLE shop_order ADD CONSTRAINT {constraint} {definition}")


@fault
def trigger_disabled(site: Site, dice: random.Random) -> None:
    """What logs a table's updates is switched off, and on again: nobody tells the relay what was written."""
    table = dice.choice(("shop_order", "mes_workorder"))
    [name] = ask(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND strpos(tgname, 'log_update') > 0",
        table,
    )
    alter(f"ALTER TABLE {table} DISABLE TRIGGER {name}")
    try:
        wait(dice.choice((0.1, 1, 3)))
    finally:
        alter(f"ALTER TABLE {table} ENABLE TRIGGER {name}")


@fault
def table_rewritten(site: Site, dice: random.Random) -> None:
    """A table's rows are written anew, past every trigger."""
    table = dice.choice(("shop_order", "mes_workorder", "accounts_apitoken"))
    alter(f"VACUUM FULL {table}")
