"""What happens in a run, in which order?

1. The site is started on empty servers; people and orders are made.
2. Readers and writers begin, each a process of its own, and the director breaks one thing after another.
3. They end, the queue comes to rest, the caches are compared with PostgreSQL, and the checker reads what
   everybody noted.
"""

import io
import json
import random
import shutil
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import redis
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from config import embedded, processes
from events.models import OutboxEvent
from tests.chaos import report, tables
from tests.chaos.caches import Caches
from tests.chaos.checker import Finding
from tests.chaos.faults import FAULTS, wait
from tests.chaos.notes import READ, Fault, Notebook, Notes, now
from tests.chaos.site import EVERYTHING, Site, restart_postgres
from tests.chaos.stage import set_the_stage
from tests.chaos.verdict import Verdict, judge

#: Seconds of calm before each fault, at least and at most: hits are to come back in between.
CALM = (3.0, 8.0)
#: Seconds for a process of ours to end by itself.
FAREWELL = 30
ACTORS = {
    "reader-1": "tests.chaos.reader",
    "reader-2": "tests.chaos.direct_reader",
    "people": "tests.chaos.people",
    "writers": "tests.chaos.writers",
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
        verdict.findings.append(_caches_agree())
        verdict.figures["puts_left_to_the_relay"] = sum(
            log.read_text(errors="replace").count("write_through_left_to_relay")
            for log in site.folder.glob("*.log")
        )
    report.write(verdict, folder, options)
    return verdict.is_clean


def _run(site: Site, folder: Path, options: Namespace) -> Verdict:
    actors = {name: _start(site, module, name, folder) for name, module in ACTORS.items()}
    try:
        mended = _break_things(site, folder, options)
        ended = [name for name, actor in actors.items() if actor.poll() is not None]
        assert not ended, f"{ended} ended by themselves, see their logs in {folder}"
    finally:
        _end(actors)
    print("\nwaiting for the queue to come to rest ...", flush=True)
    site.tend()
    OutboxEvent.objects.filter(handled_at=None, parked_at=None).update(due_at=timezone.now())
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


def _break_things(site: Site, folder: Path, options: Namespace) -> Finding:
    """One fault after another, with calm between them, until the time is up or Ctrl-C comes."""
    dice = random.Random(options.seed)
    notebook = Notebook(folder / "notes", "director")
    began = now()
    until = began + options.minutes * 60
    progress = Progress(folder / "notes", began)
    mended = Finding("after each fault the site works again")
    try:
        for name in _names(options, dice):
            calm = now() + dice.uniform(*CALM) * options.calm
            while now() < min(calm, until):
                progress.show("calm")
                wait(0.5)
                for ended in site.tend():
                    notebook.note(Fault(f"{ended}-ended-by-itself", now(), now()))
            if now() >= until and not options.faults:
                break
            progress.show(name)
            since = now()
            try:
                FAULTS[name](site, dice)
            except AssertionError as trouble:
                mended.breach(f"{name}: {trouble}")
                break
            finally:
                mended.tried += 1
                notebook.note(Fault(name, since, now()))
        while now() < until:
            progress.show("calm")
            wait(0.5)
    except KeyboardInterrupt:
        print("\nended early", flush=True)
    notebook.close()
    return mended


def _names(options: Namespace, dice: random.Random) -> Iterator[str]:
    """Which faults, in which order: those asked for once each, else all of them shuffled, again and again."""
    if options.faults:
        yield from options.faults.split(",")
        return
    while True:
        names = list(FAULTS)
        dice.shuffle(names)
        yield from names


class Progress:
    """One line that says how it goes."""

    def __init__(self, folder: Path, began: float) -> None:
        self._folder, self._began, self._faults = folder, began, 0
        self._last = ""

    def show(self, what: str) -> None:
        """What happens now, and how many reads there were."""
        self._faults += what not in ("calm", self._last)
        self._last = what
        reads = sum(path.stat().st_size // READ.itemsize for path in self._folder.glob("*.reads"))
        seconds = now() - self._began
        rate = reads / max(seconds, 1)
        line = f"{seconds:6.0f} s  {reads:9,} reads ({rate:5.0f}/s)  {self._faults:3} faults"
        end = "\r" if sys.stdout.isatty() else "\n"
        if what != "calm" or sys.stdout.isatty():
            print(f"{line}  {what:20}", end=end, flush=True)


def _caches_agree() -> Finding:
    """In the end, what the caches hold is what PostgreSQL holds."""
    output, finding = io.StringIO(), Finding("in the end the caches agree with PostgreSQL")
    try:
        call_command("audit_cache", "--all", stdout=output)
    except CommandError as error:
        finding.breach(f"{error}: {output.getvalue()}")
    looks = [line for line in output.getvalue().splitlines() if "looked at" in line]
    finding.tried = sum(int(line.split()[1]) for line in looks)
    return finding
