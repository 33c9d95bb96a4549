"""Does what the README tells a newcomer to paste work, to the letter?"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config import embedded
from events.vocabulary import Status
from mes.models import WorkOrder
from shop.models import Order
from tests.live import Live

README = (embedded.CHECKOUT / "README.md").read_text()


def shell_blocks() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@contextmanager
def announced(live: Live) -> Iterator[None]:
    """The site says where it is, as `make run` does: by a file, and a lock that proves it is alive."""
    (live.folder / "url").write_text(f"{live.url}\n")
    locks = live.folder / "locks"
    locks.mkdir(exist_ok=True)
    with (locks / "run").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(not shutil.which("curl"), reason="the README's session needs curl")
def test_the_session_of_the_first_five_minutes_works_as_written(live: Live, tmp_path: Path) -> None:
    """Only ``make -s demo`` is ours here: it has no .venv to make first."""
    make = tmp_path / "make"
    make.write_text(f'#!/bin/sh\ntest "$*" = "-s demo" && exec {sys.executable} -m config.demo\n')
    make.chmod(0o755)
    [block] = shell_blocks()

    with announced(live):
        session = subprocess.run(
            ["bash", "-e", "-c", block],
            cwd=embedded.CHECKOUT,
            env={**live.environment, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    assert session.returncode == 0, session.stdout + session.stderr
    said = session.stdout.splitlines()
    assert said[:4] == ["FILE_UPLOADED", "SUBMITTED", "176.89", "MANUFACTURING_APPROVED"]
    assert "'name': 'Olga Berg'" in said[4]
    assert said[5:9] == ["MANUFACTURING_COMPLETED", "PACKAGING", "SHIPPED", "CLOSED"]
    order = Order.objects.get(title="Pyramid charm")
    live.wait_for(lambda: WorkOrder.objects.get(number=order.number).status == Status.CLOSED, "the MES")


def test_every_setting_is_in_the_table() -> None:
    settings = (embedded.CHECKOUT / "config" / "settings.py").read_text()
    for name in re.findall(r'(?:env\.\w+|_number|_switch|_rate)\("([A-Z_]+)"', settings):
        assert f"`{name}`" in README, name


def test_every_command_is_in_the_table() -> None:
    for command in embedded.CHECKOUT.glob("*/management/commands/[a-z]*.py"):
        assert re.search(rf"`{command.stem}[ `]", README), command.stem
