"""The site as real processes: granian, Celery and the relay on this run's test database, Valkey their own.

A test kills, freezes and starts them at will. Nothing in here sleeps for luck: each wait is for a fact.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
import redis
import requests
from django.conf import settings
from django.db import connection

from accounts.models import User
from accounts.services import token_issue
from config import embedded, processes, programs, run
from events import outbox
from tests.config.neighbours import eventually

PATIENCE = 120.0  # seconds until a wait in vain fails: a busy machine is no fault
WORKERS = ("worker", "slow-worker", "long-worker")
PROGRAMS = ("web", *WORKERS, "beat", "relay")


class Live:
    """A running site. ``with Live() as site: site.start("valkey", "web"); requests.get(site.url)``."""

    def __init__(self) -> None:
        # Short, because a unix socket's path may have 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="live-"))
        self.port = _free_port()
        self.url = f"http://{run.HOST}:{self.port}"
        self.socket = self.folder / "valkey.sock"
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._worked: set[str] = set()
        self._commands = {p.name: p.command for p in run.programs(self.port, self.folder)}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for name in reversed(list(self.running)):
            self.kill(name)
        shutil.rmtree(self.folder)

    @property
    def environment(self) -> dict[str, str]:
        """What the processes find in their environment: this run's database, the folder for all files."""
        database = urlsplit(settings.DATABASE_URL)._replace(path=f"/{connection.settings_dict['NAME']}")
        return {
            **os.environ,
            "DATABASE_URL": database.geturl(),
            "REDIS_URL": f"unix://{self.socket}?db=0",
            "CELERY_BROKER_URL": f"redis+socket://{self.socket}?virtual_host=1",
            "DATA_DIR": str(self.folder),
            "PORT": str(self.port),
            "DEBUG": "on",
            "SECRET_KEY": settings.SECRET_KEY,
            "THROTTLE_RATE": "off",
        }

    def start(self, *names: str) -> None:
        """Start these ("valkey" or one of PROGRAMS) and wait until each of them works."""
        for name in names:
            self._launch(name)
        for name in names:
            self.wait_for(lambda name=name: self.works(name), f"{name} to work")
            self._worked.add(name)

    def _launch(self, name: str) -> None:
        command = self._valkey() if name == "valkey" else self._commands[name]
        with self.log(name).open("wb") as log:
            # prctl takes no lock that another thread of ours could hold.
            tie = processes.dies_with_parent(signal.SIGKILL)
            self.running[name] = subprocess.Popen(
                command,
                cwd=embedded.CHECKOUT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=tie,  # noqa: PLW1509
            )

    def kill(self, name: str) -> None:
        """kill -9 the program and whatever it has started."""
        process = self.running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    @contextlib.contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """The program stands still (SIGSTOP) for as long as the block lasts, unless it is killed there."""
        process = self.running[name]
        os.killpg(process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGCONT)

    def works(self, name: str) -> bool:
        """Whether the program answers by now (beat and relay are asked nothing). Fails when it has ended."""
        if (code := self.running[name].poll()) is not None:
            raise AssertionError(f"{name} ended with {code}:\n{self.log(name).read_text()[-3000:]}")
        if name == "valkey":
            return self._answers_ping()
        if name == "web":
            return self._is_served()
        return name not in WORKERS or self._is_listening()

    def log(self, name: str) -> Path:
        """What the program wrote since it was started last."""
        return self.folder / f"{name}.log"

    def wait_for(self, fact: Callable[[], object], what: str) -> None:
        """Wait until it is true; say what was missing otherwise. A worker that falls over a broker's death
        (kombu may, while it gives back what it had not finished) is started again, as a supervisor does."""

        def is_true() -> object:
            for name in self._worked.intersection(WORKERS, self.running):
                if self.running[name].poll() is not None:
                    self._launch(name)
            return fact()

        if not eventually(is_true, PATIENCE):
            logs = "\n".join(f"-- {name}\n{self.log(name).read_text()[-1500:]}" for name in self.running)
            raise AssertionError(f"waited {PATIENCE} s in vain for {what}\n{logs}")

    def wait_until_quiet(self) -> None:
        """Wait until every event is handled."""
        waiting = outbox.waiting()
        self.wait_for(lambda: not waiting.exists(), f"the events to be handled: {list(waiting[:5])}")

    def session(self, user: User) -> "Session":
        """A way to call the API as this user."""
        _, key = token_issue(user=user, name="live")
        return Session(self.url, key)

    def _valkey(self) -> list[str]:
        options = {"port": 0, "unixsocket": self.socket, "dir": self.folder, "appendonly": "yes", "save": ""}
        return [str(programs.find_valkey()), *(w for k, v in options.items() for w in (f"--{k}", str(v)))]

    def _answers_ping(self) -> bool:
        try:
            return bool(self._redis().ping())
        except redis.RedisError:
            return False

    def _is_served(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).ok
        except requests.RequestException:
            return False

    def _is_listening(self) -> bool:
        """Whether the worker waits at the broker for a task, or takes one."""
        return any(client["cmd"] == "brpop" for client in self._redis().client_list())

    def _redis(self) -> redis.Redis:
        return redis.Redis(unix_socket_path=str(self.socket))


class Session(requests.Session):
    """Calls paths below /api/v1/ with a user's token; the answer's JSON is what a test looks at."""

    def __init__(self, url: str, key: str) -> None:
        super().__init__()
        self.key = key
        self.base = f"{url}/api/v1/"
        self.headers["Authorization"] = f"Token {key}"

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """``session.get("shop/orders/")``."""
        kwargs.setdefault("timeout", 30)
        return super().request(method, f"{self.base}{url!s}", *args, **kwargs)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((run.HOST, 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def site(django_db_setup: None) -> Iterator[Live]:
    """The live site of one file of tests, which ask for ``live`` instead.

    It ends with the file: its relay leads on this run's database and its beat handles whatever is due there,
    and neither is what another file expects.
    """
    with Live() as site:
        yield site


@pytest.fixture
def live(site: Live, transactional_db: None) -> Iterator[Live]:
    """The site with all its programs; when the test ends, nothing is under way that it has caused."""
    site.start(*(name for name in ("valkey", *PROGRAMS) if name not in site.running))
    yield site
    site.wait_until_quiet()
