"""What can befall a Redis, and what those at work meanwhile make of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from tests.caching.load import Load
from tests.caching.proxy import Proxy
from tests.caching.relays import epochs, running
from tests.caching.servers import Sentinel, Valkey, caches_at
from tests.caching.staleness import Ledger
from tests.threads import until

#: Lets it happen, for so many seconds if it lasts; returns the moment from which hits can be expected back.
Strike = Callable[[Load, float], float]
#: Where Redis is, and what will befall it.
Scene = tuple[str, Strike]


@dataclass(frozen=True)
class Ordeal:
    """What came of a fault: everything noted, when it began, was over, and when hits were back."""

    ledger: Ledger
    began: float
    over: float
    back: float
    was_felt: bool


def endure(fault: str, lasts: float, calm: float) -> Ordeal:
    """A fault under load, with some seconds of calm before and after it."""
    with FAULTS[fault]() as (url, strike), caches_at(url), running():
        with Load() as load:
            load.wait_for_hits()
            load.wait(calm)
            known, began = epochs(), time.monotonic()
            over = strike(load, lasts)
            load.wait_for_hits()
            back = time.monotonic()
            load.wait(calm)
        # Readers were turned away, or a rebuild was so quick that none noticed.
        was_felt = load.ledger.hit_rate(began, back) < 1 or epochs() != known
    return Ordeal(load.ledger, began, over, back, was_felt)


def stopped(valkey: Valkey, load: Load, lasts: float) -> float:
    valkey.kill()
    load.wait(lasts)
    valkey.start()
    return time.monotonic()


def frozen(valkey: Valkey, load: Load, lasts: float) -> float:
    with valkey.frozen():
        load.wait(lasts)
    return time.monotonic()


def restarted_empty(valkey: Valkey, load: Load, lasts: float) -> float:
    valkey.kill()
    valkey.start()
    return time.monotonic()


def restarted_from_an_old_dump(valkey: Valkey, load: Load, lasts: float) -> float:
    valkey.dump()
    load.wait(lasts / 6)  # its fence still stands when it is back
    valkey.kill()
    valkey.start()
    return time.monotonic()


def flushed(valkey: Valkey, load: Load, lasts: float) -> float:
    at = time.monotonic()
    valkey.client.flushall()
    return at


@contextmanager
def _alone(strike: Callable[[Valkey, Load, float], float]) -> Iterator[Scene]:
    with Valkey() as valkey:
        yield valkey.url, partial(strike, valkey)


@contextmanager
def _failing_over() -> Iterator[Scene]:
    """Sentinel promotes a replica that the last writes have not reached."""
    at_once = {"repl-diskless-sync-delay": 0}
    with Valkey(**at_once) as master, Valkey() as replica, Proxy(master.port) as wire:
        replica.client.replicaof("127.0.0.1", wire.port)
        until(lambda: replica.client.info("replication")["master_link_status"] == "up")

        def strike(load: Load, lasts: float) -> float:
            wire.tear()
            load.wait(lasts / 6)
            sent = master.client.info("replication")["master_repl_offset"]
            assert replica.client.info("replication")["slave_repl_offset"] < sent, "it does not lag"
            master.kill()
            at = time.monotonic()
            until(lambda: sentinel.master_port() == replica.port)
            return at

        with Sentinel(master) as sentinel:
            until(lambda: len(sentinel.client.sentinel_slaves("caches")) == 1)
            yield sentinel.service, strike


FAULTS: dict[str, Callable[[], AbstractContextManager[Scene]]] = {
    "stopped": partial(_alone, stopped),
    "frozen": partial(_alone, frozen),
    "restarted empty": partial(_alone, restarted_empty),
    "restarted from an old dump": partial(_alone, restarted_from_an_old_dump),
    "FLUSHALLed": partial(_alone, flushed),
    "failed over to a lagging replica": _failing_over,
}
