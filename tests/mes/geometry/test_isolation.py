"""Does a file that takes for ever or swells beyond all memory cost no more than its own order?"""

import io
import os
import signal
from pathlib import Path

import pytest
from django.db import connection

from events.model_files import ModelKind
from mes.geometry.answers import Solid, Unpriceable
from mes.geometry.measuring import TooLong, measure
from tests.solids import cube_bytes, heap


def _children() -> str:
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text()


def test_a_solid_is_measured_in_a_process_of_its_own() -> None:
    assert measure(io.BytesIO(cube_bytes(4)), ModelKind.STL) == Solid(64, (4, 4, 4), 1)


def test_a_refusal_comes_back_with_its_reason() -> None:
    with pytest.raises(Unpriceable, match="no triangles"):
        measure(io.BytesIO(bytes(84)), ModelKind.STL)


def test_a_file_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(TooLong, match="takes too long"):
        measure(heap().file, ModelKind.GLB, seconds=1)


def test_the_clock_on_the_wall_refuses_no_file_and_the_waiting_may_be_broken_off() -> None:
    calls = []

    def meanwhile() -> None:
        calls.append(len(calls))
        if len(calls) == 20:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        measure(heap().file, ModelKind.GLB, niceness=19, meanwhile=meanwhile, every=0.01)
    assert calls == [*range(20)]


def test_a_file_that_would_take_all_memory_is_refused() -> None:
    with pytest.raises(Unpriceable, match="too detailed"):
        measure(heap().file, ModelKind.GLB, most_bytes=2**30)


def test_a_process_that_somebody_has_killed_is_no_fault_of_the_file() -> None:
    before = _children().split()

    def kill() -> None:
        [child] = set(_children().split()).difference(before)
        os.kill(int(child), signal.SIGKILL)

    with pytest.raises(ChildProcessError):
        measure(heap().file, ModelKind.GLB, meanwhile=kill, every=0.05)


def test_no_process_is_left_behind() -> None:
    before = _children()
    measure(io.BytesIO(cube_bytes()), ModelKind.STL)

    assert _children() == before


@pytest.mark.django_db
def test_the_database_connection_is_not_disturbed() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        before = cursor.fetchone()
        measure(io.BytesIO(cube_bytes()), ModelKind.STL)
        cursor.execute("SELECT pg_backend_pid()")

        assert cursor.fetchone() == before


@pytest.mark.parametrize("line", ["mtllib {}", "usemtl a\nmtllib {}"])
def test_a_file_that_an_obj_names_is_never_opened(tmp_path: Path, line: str) -> None:
    # Whoever opens a pipe that nobody writes to waits for ever.
    pipe = tmp_path / "pipe.mtl"
    os.mkfifo(pipe)
    tetrahedron = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n"
    file = io.BytesIO(f"{line.format(pipe)}\n{tetrahedron}".encode())

    assert measure(file, ModelKind.OBJ, seconds=20).volume_mm3 == pytest.approx(1 / 6)
