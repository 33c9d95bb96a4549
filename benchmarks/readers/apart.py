"""One call in a process of its own, with limits, and what it cost.

A parser that hangs or dies takes nothing along. The process is a fork, so what the caller has imported is
there at once.
"""

import json
import os
import resource
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

SECONDS = 60
BYTES = 3 * 1024**3


def call(
    work: Callable[[], Mapping[str, Any]], *, seconds: int = SECONDS, most_bytes: int = BYTES
) -> dict[str, Any]:
    """What ``work`` answers, with ``seconds`` of processor time and ``peak_bytes`` of memory.

    A process that ends without an answer, by a limit or a crash, is ``{"refused": ...}`` as well.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        child = os.fork()
        if child == 0:
            _answer_and_exit(work, answer, seconds, most_bytes)
        _, status, usage = os.wait4(child, 0)
        if answer.exists():
            found: dict[str, Any] = json.loads(answer.read_text())
        else:
            found = {"refused": f"no answer within {seconds} s and {most_bytes / 1024**3:.0f} GB ({status=})"}
    # Linux counts in KB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return found | {"seconds": usage.ru_utime + usage.ru_stime, "peak_bytes": usage.ru_maxrss * unit}


def _answer_and_exit(
    work: Callable[[], Mapping[str, Any]], answer: Path, seconds: int, most_bytes: int
) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
        part = answer.with_suffix(".part")
        part.write_text(json.dumps(work()))
        part.rename(answer)
    except BaseException as error:
        answer.write_text(json.dumps({"refused": f"{type(error).__name__}: {error}"}))
    finally:
        os._exit(0)
