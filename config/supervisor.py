"""How are several programs kept running side by side, their lines told apart, and ended together?

Each program leads a session of its own: Ctrl-C reaches the supervisor alone, which ends them, and what a
program has started itself is swept up with its process group. When the supervisor is killed, the kernel tells
them.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from config import processes

_TICK = 0.2  # seconds between two looks around
_STEADY = 10  # seconds after which a program counts as running well
_LONGEST_PAUSE = 8.0  # seconds before a program that keeps failing is started again
_PATIENCE = 10  # seconds for the programs to end by themselves


@dataclass
class Program:
    """A command line, the name its output carries, and the signal it gets when the supervisor is killed."""

    name: str
    command: list[str]
    farewell: signal.Signals = signal.SIGTERM
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    due: float = 0  # monotonic time of the next start
    pause: float = 0.5
    unfinished: bytes = b""  # the beginning of a line whose end has not come yet


class Supervisor:
    """Runs programs until it gets SIGINT, SIGTERM or SIGHUP. Its main thread is the only one."""

    def __init__(self, programs: list[Program]) -> None:
        self.programs = programs
        self._outputs = selectors.DefaultSelector()
        self._stopping = False

    def run(self, on_tick: Callable[[], None] = lambda: None) -> None:
        """Keep the programs running, calling `on_tick` several times a second; return when all have ended."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        try:
            while not self._stopping:
                for program in self.programs:
                    self._tend(program)
                on_tick()
                tick_ends = time.monotonic() + _TICK
                while (left := tick_ends - time.monotonic()) > 0 and not self._stopping:
                    self._pass_on_output(left)
        except BrokenPipeError:  # nobody reads us any more
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        finally:
            self._end_all()

    def _stop(self, *_: object) -> None:
        self._stopping = True

    def say(self, name: str, line: str) -> None:
        """One line of output, with whose it is; at once, also where nobody sits at a terminal."""
        sys.stdout.write(f"{name:>7} | {line}\n")
        sys.stdout.flush()

    def _tend(self, program: Program) -> None:
        if program.process is None:
            if time.monotonic() >= program.due:
                self._start(program)
        elif program.process.poll() is not None:
            _kill_group(program.process)
            lasted = time.monotonic() - program.due
            program.pause = 0.5 if lasted > _STEADY else min(program.pause * 2, _LONGEST_PAUSE)
            self.say(program.name, f"ended with {program.process.returncode}; again in {program.pause} s")
            program.due = time.monotonic() + program.pause
            program.process = None

    def _start(self, program: Program) -> None:
        program.due = time.monotonic()
        program.process = subprocess.Popen(
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=processes.dies_with_parent(program.farewell),  # noqa: PLW1509 - no threads here
        )
        assert program.process.stdout is not None  # noqa: S101 - a pipe was asked for
        self._outputs.register(program.process.stdout, selectors.EVENT_READ, program)

    def _pass_on_output(self, seconds: float) -> None:
        for key, _ in self._outputs.select(seconds):
            program: Program = key.data
            chunk = os.read(key.fd, 65536)
            if not chunk:
                self._outputs.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]  # it is a pipe's file
            *lines, program.unfinished = (program.unfinished + (chunk or b"\n")).split(b"\n")
            for line in filter(bytes.strip, lines):
                self.say(program.name, line.decode(errors="replace"))

    def _end_all(self) -> None:
        running = [program.process for program in self.programs if program.process]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + _PATIENCE
        while any(process.poll() is None for process in running) and time.monotonic() < deadline:
            with contextlib.suppress(BrokenPipeError):
                self._pass_on_output(_TICK)  # else a program could wait for ever to write its last lines
        for process in running:
            _kill_group(process)
            process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a program and of those it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
