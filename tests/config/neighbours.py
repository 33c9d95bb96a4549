"""Other processes as tests need them: users of the servers, and all that runs for a data directory."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from config import embedded

_OURS = (
    "DATABASE_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "DATA_DIR",
    "PORT",
    "MAKELEVEL",
    "COV_CORE_DATAFILE",
)


def environment(data: Path, **more: str) -> dict[str, str]:
    """The environment of a fresh shell that has chosen this data directory."""
    kept = {name: value for name, value in os.environ.items() if name not in _OURS}
    return {**kept, "DATA_DIR": str(data), "PYTHONPATH": str(embedded.CHECKOUT), **more}


def run(data: Path, code: str, **more: str) -> str:
    """What a short-lived user of the servers prints."""
    return subprocess.run(
        [sys.executable, "-c", f"from config import embedded\nembedded.hold()\n{code}"],
        env=environment(data, **more),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60,
    ).stdout


@contextmanager
def user(data: Path, code: str = "", **more: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the servers, has run the code, and stays until the block ends."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"import sys\nfrom config import embedded\nembedded.hold()\n{code}\n"
            "print('held', flush=True)\nsys.stdin.read()",
        ],
        env=environment(data, **more),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "held\n", process.communicate()
        yield process
    finally:
        process.kill()
        process.communicate()


def inhabitants(data: Path) -> dict[int, str]:
    """Every process that works in or for the data directory: its command line by its id."""
    found = {}
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            if command and (
                process.cwd().startswith(str(data)) or process.environ().get("DATA_DIR") == str(data)
            ):
                found[process.pid] = " ".join(command)
        except psutil.Error:
            continue
    return found


def find(data: Path, words: str) -> int:
    """The oldest process of the data directory whose command line has these words."""
    return min(pid for pid, command in inhabitants(data).items() if words in command)


def eventually(fact: Callable[[], object], seconds: float = 10) -> bool:
    """Whether it becomes true in time; looks ten times a second."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not fact():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.1)
    return True


def is_deserted(data: Path) -> bool:
    """Whether everything that ran for the data directory ends within seconds."""
    return eventually(lambda: not inhabitants(data))
