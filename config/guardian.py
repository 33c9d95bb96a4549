"""How is one embedded server kept running for as long as anybody uses it, and not longer?

`python -m config.guardian postgres` (or `valkey`) is started by `config/embedded.py`, from which it inherits
the guardian's lock as an open file. It

1. finds the program, and makes the server's directories and database the first time;
2. starts the server as a child that the kernel ends together with the guardian, and again whenever it died;
3. as soon as it can lock the users' file exclusively (nobody is left, and who comes now waits for the lock),
   stops the server and ends, which lets go of both locks.
"""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import embedded, processes, programs

_LOOK_AROUND = 0.1  # seconds between two looks at the child and the users
_STOP_TIMEOUT = 30  # seconds for a last checkpoint, before harder signals
_MOST_FAILURES = 10  # starts in a row that led to no answer; with the pauses about five seconds

_POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "port": embedded.PORT,
    "unix_socket_permissions": "0700",
    "max_connections": 200,
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": 1.1,
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_VALKEY_SETTINGS = {
    "port": 0,
    "unixsocketperm": 700,
    "appendonly": "yes",
    "save": "",
    "maxmemory-policy": "noeviction",
}


@dataclass(frozen=True)
class Keeping:
    """How one kind of server is prepared, run and ended."""

    prepare: Callable[[], list[str]]  # makes what is missing on disk and returns the command line
    who: Callable[[], dict[str, Any]]  # arguments of subprocess.Popen
    stop: signal.Signals  # an orderly end
    drop: signal.Signals  # a quick end that loses nothing; the kernel sends it when the guardian is killed


def _prepare_postgres() -> list[str]:
    folder, major = programs.find_postgres()
    _make_sockets()
    place = embedded.data_dir() / f"pg{major}"
    if not place.exists():
        _create_database(folder, major, place)
    command = [str(folder / "postgres"), "-D", str(place.resolve())]
    for name, value in {**_POSTGRES_SETTINGS, "unix_socket_directories": embedded.sockets()}.items():
        command += ["-c", f"{name}={value}"]
    return command


def _create_database(folder: Path, major: int, place: Path) -> None:
    """Make the cluster with its database under another name first, so that `place` is whole or not there.

    Where PostgreSQL lives outside DATA_DIR, `place` is a link to it: removing DATA_DIR begins afresh.
    """
    fresh = Path(tempfile.mkdtemp(prefix=f"{place.name}-", dir=embedded.home()))
    if user := processes.servant():
        os.chown(fresh, user.pw_uid, user.pw_gid)
    locale = ["--locale=C.UTF-8"]
    if major >= 17:  # upper and lower case of every alphabet without ICU or the machine's locales
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    options = ["-D", str(fresh), "-U", "orders", "--auth=trust", "--encoding=UTF8", *locale]
    who = {**processes.as_servant(), "preexec_fn": processes.dies_with_parent(signal.SIGKILL)}
    subprocess.run([folder / "initdb", *options], check=True, **who)
    alone = [str(folder / "postgres"), "--single", "-D", str(fresh), "postgres"]
    subprocess.run(alone, input=b"CREATE DATABASE orders\n", check=True, **who)
    if fresh.parent == place.parent:
        fresh.rename(place)
    else:
        place.unlink(missing_ok=True)  # a link to a place that is gone
        place.symlink_to(fresh)


def _prepare_valkey() -> list[str]:
    program = programs.find_valkey()
    _make_sockets()
    folder = embedded.make_folder(embedded.data_dir() / "valkey", 0o700)
    command = [str(program)]
    for name, value in {**_VALKEY_SETTINGS, "unixsocket": embedded.valkey_socket(), "dir": folder}.items():
        command += [f"--{name}", str(value)]
    return command


def _make_sockets() -> None:
    """The directory of the sockets, closed to everybody but PostgreSQL's user (and root)."""
    folder = embedded.make_folder(embedded.sockets(), 0o700)
    if user := processes.servant():
        os.chown(folder, user.pw_uid, user.pw_gid)


KEEPING = {
    "postgres": Keeping(_prepare_postgres, processes.as_servant, stop=signal.SIGINT, drop=signal.SIGQUIT),
    # SIGKILL loses nothing: the append-only file is written before a reply is sent.
    "valkey": Keeping(_prepare_valkey, dict, stop=signal.SIGTERM, drop=signal.SIGKILL),
}


def guard(server: embedded.Server) -> None:
    """Keep the server until nobody uses it or SIGTERM comes. Raises ServerError when it never answers."""
    dismissed = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: dismissed.set())
    keeping = KEEPING[server.name]
    command = keeping.prepare()
    failures = 0
    while failures < _MOST_FAILURES:
        tie = processes.dies_with_parent(keeping.drop)
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            preexec_fn=tie,  # noqa: PLW1509 - no threads here
            **keeping.who(),
        )
        answered = False
        while child.poll() is None:
            if dismissed.wait(_LOOK_AROUND) or _nobody_uses(server):
                return _end(child, keeping)
            answered = answered or server.answers()
        failures = 0 if answered else failures + 1
        sys.stderr.write(f"{server.name} ended with {child.returncode}; starting it again.\n")
        dismissed.wait(0.1 * failures)
    raise embedded.ServerError(f"{server.name} ended {failures} times before it answered.")


def _nobody_uses(server: embedded.Server) -> bool:
    """Whether nobody is left; if so, the lock stays with us, so that whoever comes now waits for our end."""
    return server.lock("users", fcntl.LOCK_EX | fcntl.LOCK_NB) is not None


def _end(child: subprocess.Popen[bytes], keeping: Keeping) -> None:
    for farewell in (keeping.stop, keeping.drop, signal.SIGKILL):
        child.send_signal(farewell)
        child.send_signal(signal.SIGCONT)  # a frozen one hears nothing else
        try:
            child.wait(_STOP_TIMEOUT)
            return
        except subprocess.TimeoutExpired:
            continue


if __name__ == "__main__":
    try:
        guard(embedded.SERVERS[sys.argv[1]])
    except (embedded.ServerError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))  # the program's own words stand above it
