"""Servers of a test's own, as real processes: started, stopped, frozen, killed and restarted at will."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import connection
from django.test import override_settings

from config import embedded, processes, programs, redis_url
from tests.threads import PATIENCE, until


def database_url() -> str:
    """This run's test database, as other processes name it."""
    url = urlsplit(settings.DATABASE_URL)
    return url._replace(path=f"/{connection.settings_dict['NAME']}").geturl()


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as somewhere:
        somewhere.bind(("127.0.0.1", 0))
        return int(somewhere.getsockname()[1])


@contextmanager
def caches_at(url: str) -> Iterator[None]:
    """The caches are on the Redis with this URL for as long as the block lasts."""
    patience = {
        "web_seconds": settings.CACHE_TIMEOUT_MS / 1000,
        "relay_seconds": settings.CACHE_FENCE_SECONDS / 3,
    }
    with override_settings(CACHES=redis_url.caches(url, **patience)):
        yield


def run_django(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run some code in a process of its own, with this test's database and caches."""
    return subprocess.run(
        [sys.executable, "-c", f"import django\ndjango.setup()\n{code}"],
        cwd=embedded.CHECKOUT,
        env=environment_of_this_test() | environment,
        capture_output=True,
        text=True,
        check=False,
    )


class RelayProcess:
    """``manage.py relay`` as a process, with this test's database and caches."""

    def __init__(self) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "relay"],
            cwd=embedded.CHECKOUT,
            env=environment_of_this_test(),
            stdout=self._log,
            stderr=subprocess.STDOUT,
            preexec_fn=processes.dies_with_parent(signal.SIGKILL),  # noqa: PLW1509 - takes no lock
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._log.close()

    def has_said(self, word: str) -> bool:
        """Whether its log has this word. Fails when it has ended."""
        log = os.pread(self._log.fileno(), 1 << 20, 0).decode()
        assert self.process.poll() is None, log
        return word in log

    def end(self) -> int:
        """End it as a supervisor does; its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)


def environment_of_this_test() -> dict[str, str]:
    """What a process finds in its environment that is to share this test's database and caches."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.CACHES["default"]["LOCATION"],
        "CACHE_FENCE_SECONDS": str(settings.CACHE_FENCE_SECONDS),
        "DEBUG": "on",
        "SECRET_KEY": settings.SECRET_KEY,
    }


class Valkey:
    """A Valkey on a port and in a directory of its own. ``with Valkey() as valkey: valkey.client.ping()``.

    It keeps nothing on disk but what :meth:`dump` writes.
    """

    def __init__(self, **options: object) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client: Any = redis.Redis(port=self.port, socket_timeout=5)
        self.folder = Path(tempfile.mkdtemp(prefix="valkey-"))
        self._options = {"port": self.port, "save": "", "dir": self.folder, **options}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.client.close()
        shutil.rmtree(self.folder)

    def start(self, **more: object) -> None:
        """Start it with what its dump holds, and wait until it answers."""
        if self._process is None:
            options = {**self._options, **more}
            with (self.folder / "log").open("ab") as log:
                self._process = subprocess.Popen(
                    [*self.command(), *(word for k, v in options.items() for word in (f"--{k}", str(v)))],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    preexec_fn=processes.dies_with_parent(signal.SIGKILL),  # noqa: PLW1509 - takes no lock
                )
        until(self.answers)

    def command(self) -> list[str]:
        """The program, and what comes before its options."""
        return [str(programs.find_valkey())]

    def answers(self) -> bool:
        """Whether it answers by now. Fails when it has ended."""
        assert self._process
        if self._process.poll() is not None:
            raise AssertionError((self.folder / "log").read_text()[-2000:])
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        """kill -9."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """It stands still (SIGSTOP) for as long as the block lasts."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGCONT)

    def dump(self) -> None:
        """Write what it holds to disk: a start after a kill begins with that."""
        self.client.save()

    def forget_dump(self) -> None:
        """A start after a kill begins with nothing."""
        (self.folder / "dump.rdb").unlink(missing_ok=True)


class Sentinel(Valkey):
    """One Sentinel, whose word counts alone: it watches the master named ``caches``."""

    def __init__(self, master: Valkey) -> None:
        super().__init__()
        self.service = f"redis+sentinel://127.0.0.1:{self.port}/caches/0"
        self._config = self.folder / "sentinel.conf"
        self._config.write_text(
            f"port {self.port}\ndir {self.folder}\n"
            f"sentinel monitor caches 127.0.0.1 {master.port} 1\n"
            "sentinel down-after-milliseconds caches 500\n"
            # Before that it lets a replica be that hears of its master by another address.
            "sentinel failover-timeout caches 60000\n"
        )
        self._options = {}

    def command(self) -> list[str]:
        """See :class:`Valkey`."""
        return [str(programs.find_valkey()), str(self._config), "--sentinel"]

    def master_port(self) -> int:
        """The port of whom it takes for the master."""
        return int(self.client.sentinel_get_master_addr_by_name("caches")[1])
