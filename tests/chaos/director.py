"""What happens in a run, in which order?

1. The site is started on empty servers; people and orders are made.
2. Readers and writers begin, each a process of its own, and the director breaks one thing after another.
3. They end, the queue comes to rest, the caches are compared with PostgreSQL, and the checker reads what
   everybody noted.
"""

import io
import json
import shutil
import signal
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import redis
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection

from config import embedded, processes
from tests.chaos import report, tables
from tests.chaos.breaking import Breaking
from tests.chaos.caches import Caches
from tests.chaos.checker import Finding
from tests.chaos.notes import Notes
from tests.chaos.psql import set_aside
from tests.chaos.site import EVERYTHING, Site, restart_postgres
from tests.chaos.stage import set_the_stage
from tests.chaos.verdict import Verdict, judge
from tests.outbox import make_due

#: Seconds for a process of ours to end by itself.
FAREWELL = 30
ACTORS = {
    "reader-1": "tests.chaos.reader",
    "reader-2": "tests.chaos.direct_reader",
    "reader-3": "tests.chaos.direct_reader",
    "people": "tests.chaos.people",
    "writers": "tests.chaos.writers",
    "rights": "tests.chaos.rights",
}


def direct(caches: Caches, folder: Path, options: Namespace) -> bool:
    """Run for ``options.minutes``; whether every promise was kept."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "notes").mkdir(parents=True)
    _begin_empty()
    with Site(caches) as site:
        print(f"chaos, seed {options.seed}: starting the site ...", flush=True)
        site.start(*EVERYTHING)
        plan = set_the_stage(
            site, folder / "notes", options.seed, orders=options.orders, pause=0.05, interval=options.interval
        )
        plan.write(folder / "plan.json")
        connection.close()
        verdict = _run(site, folder, options)
        verdict.findings.append(caches_agree())
        verdict.figures["puts_left_to_the_relay"] = sum(
            log.read_text(errors="replace").count("write_through_left_to_relay")
            for log in site.folder.glob("*.log")
        )
    report.write(verdict, folder, options)
    return verdict.is_clean


def _run(site: Site, folder: Path, options: Namespace) -> Verdict:
    actors = {name: _start(site, module, name, folder) for name, module in ACTORS.items()}

    def look() -> None:
        ended = [name for name, actor in actors.items() if actor.poll() is not None]
        assert not ended, f"{ended} ended by themselves, see their logs in {folder}"

    try:
        mended = Breaking(site, folder / "notes", options, look).run()
        look()
    finally:
        _end(actors)
    print("\nwaiting for the queue to come to rest ...", flush=True)
    site.restore()
    make_due()
    site.wait_until_quiet()
    found, notes = tables.collect(), Notes.of(folder / "notes")
    told = json.loads((folder / "ledger.json").read_text())
    verdict = judge(notes, found, told, settings.CACHE_FENCE_SECONDS)
    verdict.findings.append(mended)
    return verdict


def _begin_empty() -> None:
    """Nothing of another run; and PostgreSQL keeps the time of each COMMIT, which needs a restart."""
    redis.Redis(unix_socket_path=str(embedded.valkey_socket())).flushall()
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        cursor.execute("SHOW track_commit_timestamp")
        keeps_times = cursor.fetchone()[0] == "on"
        if not keeps_times:
            cursor.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    connection.close()
    if not keeps_times:
        restart_postgres()
    call_command("migrate", verbosity=0, interactive=False)
    tables.watch()
    set_aside()


def _start(site: Site, module: str, name: str, folder: Path) -> "subprocess.Popen[bytes]":
    with (folder / name).with_suffix(".log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", module, str(folder / "plan.json"), name],
            cwd=embedded.CHECKOUT,
            env={**site.environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the director
            preexec_fn=processes.dies_with_parent(signal.SIGKILL),  # noqa: PLW1509 - takes no lock
        )


def _end(actors: "dict[str, subprocess.Popen[bytes]]") -> None:
    for actor in actors.values():
        actor.terminate()
    for actor in actors.values():
        try:
            actor.wait(FAREWELL)
        except subprocess.TimeoutExpired:
            actor.kill()
            actor.wait()


def caches_agree() -> Finding:
    """In the end, what the caches hold is what PostgreSQL holds."""
    output, finding = io.StringIO(), Finding("in the end the caches agree with PostgreSQL")
    try:
        call_command("audit_cache", "--all", stdout=output)
    except CommandError as error:
        finding.breach(f"{error}: {output.getvalue()}")
    looks = [line for line in output.getvalue().splitlines() if "looked at" in line]
    finding.tried = sum(int(line.split()[1]) for line in looks)
    return finding
