"""What solid is in this 3D file, and if none can be made of it, why?

A stranger's file is parsed in a process of its own, with a clock and a limit of memory: formats and parsers
have too many corners where a small file takes hours or all memory (a glTF of 2,000 nodes in a chain holds
trimesh for more than ten minutes), and a worker lost to one order would keep all others waiting.
"""

import base64
import json
import logging
import os
import resource
import signal
from dataclasses import replace
from typing import BinaryIO, NoReturn

from events.model_files import ModelKind
from mes.geometry.answers import Solid, Unpriceable

logger = logging.getLogger(__name__)

_MAX_SECONDS = 60
_MAX_BYTES = 3 * 1024**3


def measure(file: BinaryIO, kind: ModelKind, seconds: int = _MAX_SECONDS) -> Solid:
    """The solid in an open model file. STL, OBJ and PLY carry no unit and are taken as millimetres.

    Raises ``Unpriceable``, whatever the file holds and however long it would take; only a file that can't be
    read from the disk raises ``OSError``, for that is no fault of the client's.
    """
    data = file.read()
    # Imported before the fork, so that only the first measurement pays for it (0.6 s), and here, so that
    # processes which never measure don't.
    from mes.geometry import drawing, reading, surface  # noqa: F401

    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        _answer_and_exit(data, kind, seconds, sender)
    os.close(sender)
    try:
        with os.fdopen(receiver, "rb") as answers:
            answer = answers.read()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if not answer:
        raise Unpriceable("The model takes too long to measure. Export it with fewer triangles and parts.")
    found = json.loads(answer)
    if "reason" in found:
        raise Unpriceable(found["reason"])
    extents, picture = tuple(found.pop("extents_mm")), base64.b64decode(found.pop("picture"))
    return Solid(**found, extents_mm=extents, picture=picture)


def _answer_and_exit(data: bytes, kind: ModelKind, seconds: int, sender: int) -> NoReturn:
    """The child's whole life. It leaves without cleaning up: connections it inherited are its parent's."""
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(seconds)
        resource.setrlimit(resource.RLIMIT_AS, (_MAX_BYTES, resource.getrlimit(resource.RLIMIT_AS)[1]))
        try:
            solid = measure_here(data, kind, with_picture=True)
            answer = {**vars(solid), "picture": base64.b64encode(solid.picture).decode()}
        except Unpriceable as error:
            answer = {"reason": error.reason}
        os.write(sender, json.dumps(answer).encode())
    finally:
        os._exit(0)


def measure_here(data: bytes, kind: ModelKind, *, with_picture: bool = False) -> Solid:
    """The solid in a file's bytes, measured in this process. Raises ``Unpriceable`` and nothing else."""
    from mes.geometry.drawing import draw
    from mes.geometry.reading import read_parts
    from mes.geometry.surface import solid_of

    try:
        parts = read_parts(data, kind)
        solid = solid_of(parts)
        return replace(solid, picture=draw(parts)) if with_picture else solid
    except Unpriceable:
        raise
    except MemoryError as error:
        raise Unpriceable("The model is too detailed to measure. Export it with fewer triangles.") from error
    except Exception as error:
        # Parsers of other people's formats raise anything: KeyError, struct.error, RecursionError...
        logger.info("unreadable %s file", kind, exc_info=True)
        raise Unpriceable(f"The {kind.upper()} file is damaged: it can't be read as a 3D model.") from error
