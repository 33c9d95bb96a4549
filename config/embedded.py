"""Where are PostgreSQL and Valkey when the environment names none, and who keeps them running meanwhile?

Nobody installs or starts them. A process that needs a server holds a shared lock on its `users` file; one
that finds no server answering starts a *guardian* (`config/guardian.py`), which keeps the server for as long
as anybody holds that lock. The kernel drops the lock of a process however it ends, so the last user, even a
killed one, stops the server. `DATABASE_URL` and `REDIS_URL` come first: what they name is never started here.
"""

import atexit
import fcntl
import hashlib
import os
import re
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from config import processes

CHECKOUT = Path(__file__).resolve().parent.parent
PORT = 5432  # only a part of the name of PostgreSQL's socket
_START_TIMEOUT = 120  # seconds; recovery after a crash in the middle of much writing takes its time
_ROOM_FOR_SOCKETS = 85  # bytes of a directory; a socket's whole path has 104 (macOS) or 108 (Linux)


class ServerError(RuntimeError):
    """A server could not be started; the text says why and what to do."""


@dataclass(frozen=True)
class Server:
    """What a user knows of one of the servers."""

    name: str
    variable: str  # the environment's way to bring another
    answers: Callable[[], bool]

    def lock(self, role: str, operation: int) -> int | None:
        """The lock of its "users" or of its "guardian"; see `lock`."""
        return lock(f"{self.name}.{role}", operation)

    @property
    def log(self) -> Path:
        """Where the guardian and its server write."""
        return data_dir() / "log" / f"{self.name}.log"


# -- Where things are: the same answer in every process, from DATA_DIR alone -------------------------------


def data_dir() -> Path:
    """DATA_DIR (a relative one counts from the checkout), `.data` without it; made on first use."""
    folder = (CHECKOUT / Path(os.environ.get("DATA_DIR") or ".data").expanduser()).resolve()
    return make_folder(folder)


def make_folder(folder: Path, mode: int = 0o711) -> Path:
    """The folder, made if need be; its parents, and by default itself, so that all may pass but not look."""
    for missing in reversed([path for path in (folder, *folder.parents) if not path.exists()]):
        missing.mkdir(exist_ok=True)
        # by hand: the umask may forbid what PostgreSQL's user needs
        missing.chmod(mode if missing == folder else 0o711)
    return folder


def lock(name: str, operation: int) -> int | None:
    """An open file descriptor with that lock (`fcntl.LOCK_*`); None when it is not to be had now."""
    descriptor = os.open(make_folder(data_dir() / "locks", 0o700) / name, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def home() -> Path:
    """Where PostgreSQL lives: DATA_DIR, or a place outside when its user may not pass through to there."""
    data = data_dir()
    passable = all(path.stat().st_mode & stat.S_IXOTH for path in (data, *data.parents))
    return data if passable or processes.servant() is None else outside()


def outside() -> Path:
    """A short, passable directory for this DATA_DIR and user, not made here; ServerError if not ours."""
    key = hashlib.sha256(f"{os.geteuid()}:{data_dir()}".encode()).hexdigest()[:12]
    folder = Path("/var/tmp") / f"orders-{key}"  # noqa: S108 - its owner is proven below
    try:
        if folder.lstat().st_uid != os.geteuid():
            raise ServerError(f"{folder} belongs to somebody else. Remove it, or set another DATA_DIR.")
    except FileNotFoundError:
        pass
    return folder


def sockets() -> Path:
    """The directory of both sockets: in `home()`, or outside where that path is too long or odd for one."""
    folder = home() / "sockets"
    plain = re.fullmatch(r"[A-Za-z0-9/._+-]+", str(folder)) and len(str(folder)) <= _ROOM_FOR_SOCKETS
    return folder if plain else outside() / "sockets"


def valkey_socket() -> Path:
    """The unix socket of Valkey."""
    return sockets() / "valkey.sock"


def database_url() -> str:
    """The embedded PostgreSQL's database, as a URL that libpq and django-environ read alike."""
    return f"postgresql://orders@/orders?host={sockets()}&port={PORT}"


def redis_url(db: int = 0) -> str:
    """The embedded Valkey's database number `db`, as redis-py's URL."""
    return f"unix://{valkey_socket()}?db={db}"


def broker_url() -> str:
    """The embedded Valkey's database for Celery's messages, as kombu's URL."""
    return f"redis+socket://{valkey_socket()}?virtual_host=1"


# -- Who keeps them ----------------------------------------------------------------------------------------


def _postgres_answers() -> bool:
    import psycopg2  # here, so that the addresses above can be asked for without a driver

    try:
        psycopg2.connect(database_url(), connect_timeout=5).close()
    except psycopg2.OperationalError:
        return False
    return True


def _valkey_answers() -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(5)
        try:
            connection.connect(str(valkey_socket()))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")  # an error while it is still loading its data
        except OSError:
            return False


POSTGRES = Server("postgres", "DATABASE_URL", _postgres_answers)
VALKEY = Server("valkey", "REDIS_URL", _valkey_answers)
SERVERS = {server.name: server for server in (POSTGRES, VALKEY)}

_locks: dict[str, int] = {}  # by server: the descriptor whose lock makes this process a user
_guardians: dict[str, subprocess.Popen[bytes]] = {}  # those started from here, to learn why one gave up


def hold() -> None:
    """Make this process a user, until it ends, of each server the environment does not bring.

    Returns when all answer, or raises ServerError. Call it again to start anew what died with its guardian.
    """
    if not os.environ.get(POSTGRES.variable):
        for name in [name for name in os.environ if name.startswith("PG")]:
            del os.environ[name]  # PGOPTIONS, PGSERVICE and their like speak of another server than ours
    needed = [server for server in SERVERS.values() if not os.environ.get(server.variable)]
    for server in needed:
        if server.name not in _locks:
            held = server.lock("users", fcntl.LOCK_SH)  # waits here while a guardian is just stopping
            assert held is not None  # noqa: S101 - it blocks until it has it
            _locks[server.name] = held
        if not server.answers():
            _start_guardian(server)
    for server in needed:
        _wait_until_it_answers(server)


def _start_guardian(server: Server) -> None:
    """Start a guardian unless there is one. It inherits its lock from here, so there are never two."""
    guards = server.lock("guardian", fcntl.LOCK_EX | fcntl.LOCK_NB)
    if guards is None:
        return
    if server is POSTGRES and home() != data_dir():
        sys.stderr.write(
            f"PostgreSQL can't run as root, and no other user may enter {data_dir()}: it is in {home()}.\n"
        )
    make_folder(server.log.parent, 0o700)
    if server.log.exists():
        server.log.replace(server.log.with_suffix(".log.old"))
    with server.log.open("wb") as log:
        _guardians[server.name] = subprocess.Popen(
            [sys.executable, "-m", "config.guardian", server.name],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[guards],
            start_new_session=True,  # Ctrl-C is for the users
        )
    os.close(guards)


def revive() -> None:
    """Start anew those guardians this process counts on that have died; the servers answer a moment later."""
    for name in _locks:
        _start_guardian(SERVERS[name])


def _wait_until_it_answers(server: Server) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    pause = threading.Event()
    while not server.answers():
        guardian = _guardians.get(server.name)
        if guardian and guardian.poll():
            del _guardians[server.name]
            raise ServerError(f"{server.name} did not start. {_last_words(server)}")
        if time.monotonic() > deadline:
            raise ServerError(f"{server.name} gives no answer for {_START_TIMEOUT} s. {_last_words(server)}")
        _start_guardian(server)  # the one we waited for may have died
        pause.wait(0.05)


def _last_words(server: Server) -> str:
    lines = server.log.read_text(errors="replace").splitlines()
    return "\n".join([f"The end of {server.log}:", *lines[-15:]])


def _forget() -> None:
    """A forked child is no user: with its copy of a lock a stray one would keep the servers for ever."""
    for held in _locks.values():
        os.close(held)
    _locks.clear()
    _guardians.clear()


def _let_go() -> None:
    """Guardians outlive who started them, on purpose: Python need not warn of processes still running."""
    for guardian in _guardians.values():
        guardian.returncode = guardian.returncode or 0


os.register_at_fork(after_in_child=_forget)
atexit.register(_let_go)
