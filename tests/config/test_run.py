"""Does `make run` keep its programs running, show their lines, choose a port, and leave no process behind?"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config import run
from tests.config.neighbours import environment, eventually, inhabitants, is_deserted

# A program that says its number and waits; another that has started a process of its own.
LOUD = (
    "import os, signal; print('I am', os.getpid()); print('unfinished', end='', flush=True); signal.pause()"
)
PARENT = "import signal, subprocess, sys; subprocess.Popen(['sleep', '1000']); signal.pause()"


@contextmanager
def supervisor(place: Path, **programs: str) -> Iterator[subprocess.Popen[str]]:
    """A supervisor of small Python programs, whose output comes through a pipe."""
    code = "import sys\nfrom config.supervisor import Program, Supervisor\n" + (
        f"Supervisor([Program(n, [sys.executable, '-uc', c]) for n, c in {programs!r}.items()]).run()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment(place), stdout=subprocess.PIPE, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline()


def test_a_line_comes_through_a_pipe_at_once_with_the_name_of_its_program(tmp_path: Path) -> None:
    with supervisor(tmp_path, web=LOUD) as process:
        name, said = next_line(process).split("|")
        assert name.strip() == "web"
        assert said.startswith(" I am ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_asked_to_stop_it_ends_its_programs_and_what_they_have_started(
    tmp_path: Path, number: signal.Signals
) -> None:
    with supervisor(tmp_path, web=LOUD, worker=PARENT) as process:
        assert eventually(lambda: any("sleep 1000" in line for line in inhabitants(tmp_path).values()))
        process.send_signal(number)
        assert process.wait(10) == 0
        assert is_deserted(tmp_path), inhabitants(tmp_path)


def test_killed_it_takes_its_programs_along(tmp_path: Path) -> None:
    with supervisor(tmp_path, web=LOUD, worker=LOUD) as process:
        assert eventually(lambda: len(inhabitants(tmp_path)) == 3)
        process.kill()
        assert is_deserted(tmp_path), inhabitants(tmp_path)


def test_it_ends_with_whoever_reads_its_output(tmp_path: Path) -> None:
    with supervisor(tmp_path, web="while True: print('more')") as process:
        next_line(process)
        assert process.stdout
        process.stdout.close()
        process.stdout = None
        assert is_deserted(tmp_path), inhabitants(tmp_path)


def test_a_program_that_dies_is_started_again_and_what_it_had_started_is_swept_up(tmp_path: Path) -> None:
    with supervisor(tmp_path, web=LOUD, worker=PARENT) as process:
        first = int(next_line(process).split()[-1])
        assert eventually(lambda: len(inhabitants(tmp_path)) == 4)
        os.kill(first, signal.SIGKILL)
        last_words = {next_line(process).split("|")[1].strip() for _ in range(2)}
        assert last_words == {"unfinished", "ended with -9; again in 1.0 s"}
        assert int(next_line(process).split()[-1]) != first
        parent = next(
            pid for pid, line in inhabitants(tmp_path).items() if "subprocess" in line and pid != process.pid
        )
        child = next(pid for pid, line in inhabitants(tmp_path).items() if "sleep 1000" in line)
        os.kill(parent, signal.SIGKILL)
        assert eventually(lambda: child not in inhabitants(tmp_path))


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind((run.HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        with pytest.raises(SystemExit, match=f"Port {port} .* is taken"):
            run.choose_port()
    assert run.choose_port() == port


def test_without_a_port_asked_for_the_first_free_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    chosen = run.choose_port()
    with socket.socket() as other:
        other.bind((run.HOST, chosen))
        other.listen()
        assert run.FIRST_PORT <= chosen < run.choose_port()


def test_a_second_site_of_the_same_data_directory_is_refused_by_name(tmp_path: Path) -> None:
    code = (
        "import fcntl, sys; from config import embedded, run; embedded.lock('run', fcntl.LOCK_EX);"
        "run.url_file().write_text('http://127.0.0.1:8042\\n'); print('held', flush=True); sys.stdin.read()"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment(tmp_path),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert next_line(first) == "held\n"
        second = subprocess.run(
            [sys.executable, "-m", "config.run"],
            env=environment(tmp_path),
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert second.returncode == 1
        assert second.stderr == f"The site of {tmp_path} runs already: http://127.0.0.1:8042.\n"
    finally:
        first.kill()
        first.communicate()


def test_without_a_running_site_there_is_no_address_for_the_shell(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "config.demo"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr == "The site does not run: start it with `make run`.\n"
