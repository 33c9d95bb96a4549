"""Where does it happen? The site of tests.live, its caches on a set of Valkeys under Sentinel.

PostgreSQL and the broker are those of this run's DATA_DIR; their guardians start them again when they die.
"""

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import redis

from config import embedded
from tests.chaos.caches import Caches
from tests.live import PROGRAMS, Live
from tests.threads import until

RELAYS = ("relay", "relay-2")
EVERYTHING = (*PROGRAMS, "relay-2")


class Site(Live):
    """A running site whose every part can be killed, frozen, emptied and set back."""

    def __init__(self, caches: Caches) -> None:
        self._lives: dict[str, int] = {}
        #: Settings that the programs started from now on have besides.
        self.overrides: dict[str, str] = {}
        super().__init__()
        self.caches = caches
        self._commands["relay-2"] = self._commands["stranger"] = self._commands["relay"]

    @property
    def environment(self) -> dict[str, str]:
        """See :class:`Live`; this process has the same, but for what production differs in."""
        return {
            **super().environment,
            "DATA_DIR": str(embedded.data_dir()),
            "REDIS_URL": self.caches.url,
            "CELERY_BROKER_URL": embedded.broker_url(),
            "DEBUG": "off",
            "ALLOWED_HOSTS": "127.0.0.1",
            "LOG_LEVEL": "INFO",
            # So few that a run of some minutes meets retention, and pages that reach past the horizon.
            "CACHE_BOARD_LATEST": "200",
            **self.overrides,
        }

    def _redis(self) -> redis.Redis:
        """The broker."""
        return redis.Redis(unix_socket_path=str(embedded.valkey_socket()), db=1)

    def __exit__(self, *details: Any) -> None:
        """See :class:`Live`; the logs stay."""
        logs = embedded.data_dir() / "log" / "site"
        shutil.rmtree(logs, ignore_errors=True)
        logs.mkdir(parents=True)
        for log in self.folder.glob("*.log"):
            shutil.copy(log, logs)
        super().__exit__(*details)

    def log(self, name: str) -> Path:
        """See :class:`Live`; the log of a program's every life is kept."""
        return self.folder / f"{name}.{self._lives.get(name, 0)}.log"

    def start(self, *names: str) -> None:
        """See :class:`Live`."""
        for name in names:
            self._lives[name] = self._lives.get(name, -1) + 1
        super().start(*names)

    def tend(self) -> list[str]:
        """Start again what has ended by itself, as a supervisor would; returns what had."""
        ended = [name for name, process in self.running.items() if process.poll() is not None]
        for name in ended:
            self.kill(name)
            self.start(name)
        embedded.revive()
        return ended

    def restore(self) -> None:
        """Bring back whatever is missing, after a fault that was broken off."""
        self.tend()
        if self.overrides:
            self.overrides = {}
            for name in EVERYTHING:
                self.kill(name)
        self.start(*(name for name in EVERYTHING if name not in self.running))
        for server in self.caches.servers:
            server.start()
        self.caches.mend()

    @contextlib.contextmanager
    def stranger(self, **settings: str) -> Iterator[None]:
        """A relay with other settings runs beside ours for as long as the block lasts."""
        usual = self.overrides
        self.overrides = {**usual, **settings}
        self.start("stranger")
        self.overrides = usual
        try:
            yield
        finally:
            self.kill("stranger")

    def children(self, name: str) -> list[psutil.Process]:
        """The processes that a program has started."""
        return psutil.Process(self.running[name].pid).children()

    def leader(self) -> str | None:
        """The relay that leads, as its log tells."""
        for name in RELAYS:
            said = self.log(name).read_text()
            if said.rfind("relay_leads") > max(said.rfind("relay_stands_by"), said.rfind("relay_lost")):
                return name
        return None

    def kill_postgres(self) -> None:
        """kill -9 PostgreSQL, all of it; its guardian starts it again."""
        postmaster = _postmaster()
        for process in (*postmaster.children(), postmaster):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.wait_for(embedded.POSTGRES.answers, "PostgreSQL to answer again")

    def kill_broker(self) -> None:
        """kill -9 the broker; its guardian starts it again with what its append-only file holds."""
        pid = int(self._redis().info("server")["process_id"])  # type: ignore[index]
        os.kill(pid, signal.SIGKILL)
        self.wait_for(embedded.VALKEY.answers, "the broker to answer again")


def restart_postgres() -> None:
    """An orderly restart, for settings that need one."""
    postmaster = _postmaster()
    postmaster.send_signal(signal.SIGINT)
    until(lambda: not postmaster.is_running())
    until(embedded.POSTGRES.answers)


def _postmaster() -> psutil.Process:
    [place] = embedded.data_dir().glob("pg[0-9][0-9]/postmaster.pid")
    return psutil.Process(int(place.read_text().split()[0]))
