"""What solid is in this 3D file, and if none can be made of it, why?

A stranger's file is parsed in a process of its own, with a limit of processor time and of memory: formats
and parsers have too many corners where a small file takes hours or all memory, and a worker lost to one order
would keep all others waiting. The clock on the wall is no measure: on a busy host it would refuse good files.
"""

import base64
import json
import logging
import os
import resource
import select
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO, NoReturn

from events.model_files import ModelKind
from mes.geometry.answers import RanOut, Solid, Unpriceable

logger = logging.getLogger(__name__)

#: Processor time, in seconds, that a file may take at most.
MOST_SECONDS = 60


class TooLong(RanOut):
    """Measuring took more processor time than it was given."""


def measure(
    file: BinaryIO,
    kind: ModelKind,
    seconds: int = MOST_SECONDS,
    *,
    most_bytes: int = 3 * 1024**3,
    niceness: int = 0,
    meanwhile: Callable[[], None] = lambda: None,
    every: float = 10,
) -> Solid:
    """The solid in an open model file, with its picture. STL, OBJ and PLY carry no unit and are taken as
    millimetres.

    ``seconds`` is whole seconds of processor time, ``most_bytes`` the memory it may take; ``meanwhile`` is
    called ``every`` so many seconds until there is an answer, and stops it by raising.

    Raises ``Unpriceable``, whatever the file holds (``TooLong`` however long it would take). These are no
    fault of the client's: a file that can't be read (``OSError``), a process that somebody has killed
    (``ChildProcessError``).
    """
    data = file.read()
    # Imported before the fork, so that only the first measurement pays for it (0.6 s), and here, so that
    # processes which never measure don't.
    from mes.geometry import drawing, reading, solid  # noqa: F401

    receiver, sender = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(receiver)
        os.close(sender)
        raise
    if child == 0:
        _answer_and_exit(data, kind, (seconds, most_bytes, niceness), sender)
    os.close(sender)
    try:
        with os.fdopen(receiver, "rb") as answers:
            while not select.select([answers], [], [], every)[0]:
                meanwhile()
            answer = answers.read()
    finally:
        os.kill(child, signal.SIGKILL)  # who is about to end keeps the reason it has
        _, status = os.waitpid(child, 0)
    if not answer:
        raise _no_answer(kind, status)
    found = json.loads(answer)
    if "ran_out" in found:
        raise RanOut(found["ran_out"])
    if "reason" in found:
        raise Unpriceable(found["reason"])
    return Solid.from_json(found["solid"], base64.b64decode(found["picture"]))


def _no_answer(kind: ModelKind, status: int) -> Exception:
    """Why a process that was to answer has ended without."""
    by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if by == signal.SIGXCPU:
        return TooLong("The model takes too long to measure. Export it with fewer triangles and parts.")
    if by in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE):
        # Code in C that got no more memory.
        logger.error("%s file: measuring it ended by %s", kind, signal.Signals(by).name)
        return _too_detailed()
    return ChildProcessError(f"measuring ended without an answer, status {status}")


def _too_detailed() -> RanOut:
    return RanOut("The model is too detailed to measure. Export it with fewer triangles.")


def _answer_and_exit(data: bytes, kind: ModelKind, limits: tuple[int, int, int], sender: int) -> NoReturn:
    """The child's whole life. It leaves without cleaning up, and lets go of its parent's connections: a lock
    of theirs would outlive the parent with it."""
    try:
        seconds, most_bytes, niceness = limits
        os.closerange(3, sender)
        os.closerange(sender + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        os.nice(niceness)
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        for limit, most in (
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_CPU, seconds),
            (resource.RLIMIT_AS, most_bytes),
        ):
            resource.setrlimit(limit, (most, resource.getrlimit(limit)[1]))
        try:
            solid = measure_here(data, kind, with_picture=True)
            answer = {"solid": solid.to_json(), "picture": base64.b64encode(solid.picture).decode()}
        except RanOut as error:
            answer = {"ran_out": error.reason}
        except Unpriceable as error:
            answer = {"reason": error.reason}
        with os.fdopen(sender, "wb") as answers:
            answers.write(json.dumps(answer).encode())
    except Exception:
        logger.exception("measuring a %s file failed", kind)
    finally:
        os._exit(0)


def measure_here(data: bytes, kind: ModelKind, *, with_picture: bool = False) -> Solid:
    """The solid in a file's bytes, measured in this process. Raises ``Unpriceable``, whatever they are."""
    from mes.geometry.drawing import draw
    from mes.geometry.reading import read_parts
    from mes.geometry.solid import solid_of
    from mes.geometry.text import damaged

    try:
        parts = read_parts(data, kind)
        solid = solid_of(parts)
        return replace(solid, picture=draw(parts)) if with_picture else solid
    except Unpriceable:
        raise
    except MemoryError as error:
        raise _too_detailed() from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the machine's fault; a format's parsers raise it without a number
        # Parsers of other people's formats raise anything: KeyError, struct.error, RecursionError...
        logger.info("unreadable %s file", kind, exc_info=True)
        raise damaged(kind.upper()) from error
