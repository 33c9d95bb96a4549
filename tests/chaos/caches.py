"""Which servers hold the caches of a run? A Valkey, its replica, and a Sentinel."""

from contextlib import suppress
from typing import Any

import redis

from tests.caching.servers import Sentinel, Valkey
from tests.config.neighbours import eventually
from tests.threads import until

MENDING = 120.0  # seconds, on a busy machine


class Caches:
    """A Valkey, its replica, and the Sentinel that says which of the two is the master."""

    def __init__(self) -> None:
        self.servers = [Valkey(), Valkey()]
        first, second = self.servers
        for server in self.servers:
            server.start()
        second.client.replicaof("127.0.0.1", first.port)
        self.sentinel = Sentinel(first)
        self.sentinel.start()
        # A failover may follow the last one soon.
        self.sentinel.client.sentinel_set("caches", "failover-timeout", 3000)
        until(lambda: len(self.sentinel.client.sentinel_slaves("caches")) == 1)
        until(self.replica_follows)

    def close(self) -> None:
        """End all three."""
        for server in (self.sentinel, *self.servers):
            server.__exit__()

    @property
    def url(self) -> str:
        """As REDIS_URL names them."""
        return self.sentinel.service

    def master(self) -> Valkey:
        """Whom the Sentinel takes for the master."""
        port = self.sentinel.master_port()
        return next(server for server in self.servers if server.port == port)

    def replica(self) -> Valkey:
        """The other one."""
        master = self.master()
        return next(server for server in self.servers if server is not master)

    def replica_follows(self) -> bool:
        """Whether the replica has all that the master has, and goes on to get it."""
        try:
            told: Any = self.replica().client.info("replication")
        except redis.RedisError:
            return False
        return bool(
            told.get("role") == "slave"
            and told["master_port"] == self.master().port
            and told["master_link_status"] == "up"
        )

    def mend(self) -> None:
        """Wait until there is a master with a replica that follows; one that does not is told to."""

        def whole() -> bool:
            if self.replica_follows():
                return True
            with suppress(redis.RedisError):
                self.replica().client.replicaof("127.0.0.1", self.master().port)
            return False

        assert eventually(whole, MENDING), "the replica does not follow"
