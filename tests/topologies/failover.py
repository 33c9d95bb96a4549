"""Is anybody lied to when PostgreSQL fails over to a standby that lacks the last commits?

``python -m tests.topologies.failover``: a primary and a standby that stream, the site in front, clients who
keep their ETags. WAL is withheld from the standby, commits go on and are shown; then the primary is killed,
the standby promoted, and the site's address is its. What was committed meanwhile is lost; its versions come
again.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import requests

from config import processes, programs
from tests.threads import until

B = 2.0
ORDERS = 20
CALM, LOST, AFTER = 6.0, 6.0, 20.0
PROGRAMS, _major = programs.find_postgres()


class Server:
    """A PostgreSQL in a folder of its own, reached by a socket there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data = folder, folder / "data"
        folder.mkdir()
        if user := processes.servant():
            shutil.chown(folder, user.pw_uid, user.pw_gid)

    def run(self, program: str, *arguments: str) -> None:
        """One of PostgreSQL's own programs, to its end."""
        command = [PROGRAMS / program, *arguments]
        subprocess.run(command, check=True, capture_output=True, **processes.as_servant())

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = ["-D", str(self.data), "-k", str(self.folder), "-h", "", "-c", "wal_keep_size=256MB"]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [PROGRAMS / "postgres", *options], stdout=log, stderr=log, **processes.as_servant()
            )
        until(lambda: bool(self.ask("SELECT 1")))

    def ask(self, statement: str) -> Any:
        """The first value it answers; None where it does not."""
        try:
            with contextlib.closing(
                psycopg2.connect(host=str(self.folder), user="orders", dbname="postgres")
            ) as at:
                at.autocommit = True
                with at.cursor() as cursor:
                    cursor.execute(statement)
                    row = cursor.fetchone() if cursor.description else None
                    return row and row[0]
        except psycopg2.OperationalError:
            return None

    def kill(self) -> None:
        """kill -9, all of it."""
        everything = psutil.Process(self.process.pid)
        for process in (*everything.children(), everything):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        self.process.wait()


class Trial:
    """Clients and a writer, and what they saw and did: (moment, order, title) of each write, and of each read
    (began, order, title, status, how it came)."""

    def __init__(self, url: str, tokens: dict[str, str], orders: dict[str, list[str]]) -> None:
        self.url, self.tokens, self.orders = url, tokens, orders
        self.writes: list[tuple[float, str, str]] = []
        self.reads: list[tuple[float, str, str, int, str]] = []
        self.failed: Counter[str] = Counter()
        self.stop, self.pause = threading.Event(), threading.Event()

    def read(self, path: str, token: str) -> None:
        """Ask for one address again and again, with the ETag known."""
        session, known = requests.Session(), {}
        session.headers["Authorization"] = f"Token {self.tokens[token]}"
        etag = ""
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                answer = session.get(
                    self.url + path, headers={"If-None-Match": etag} if etag else {}, timeout=10
                )
            except requests.RequestException as error:
                self.failed[type(error).__name__] += 1
                continue
            if answer.status_code not in (200, 304):
                self.failed[str(answer.status_code)] += 1
                time.sleep(0.05)
                continue
            if answer.status_code == 200:
                etag = answer.headers.get("ETag", "")
                body = answer.json()
                known[etag] = [(row["number"], row["title"]) for row in body.get("results", [body])]
            how = answer.headers.get("Cache-Status", "").partition("; ")[2]
            for number, title in known[etag]:
                self.reads.append((began, number, title, answer.status_code, how))

    def write(self, database: dict[str, Any]) -> None:
        """Give orders new titles by SQL, whichever server the address leads to."""
        at, count = None, 0
        targets = [(table, number) for table, numbers in self.orders.items() for number in numbers]
        while not self.stop.wait(0.02):
            if self.pause.is_set():
                continue
            table, number = targets[count % len(targets)]
            count += 1
            title = f"Title {count}"
            try:
                at = at or psycopg2.connect(**database)
                with at, at.cursor() as cursor:
                    cursor.execute(f"UPDATE {table} SET title = %s WHERE number = %s", [title, number])
                self.writes.append((time.monotonic(), number, title))
            except psycopg2.Error:
                at = None


def judge(trial: Trial, cut: float, killed: float, promoted: float) -> dict[str, Any]:
    """What was shown that had been replaced, or lost, more than B before."""
    ends: defaultdict[str, dict[str, float]] = defaultdict(dict)
    lost = {(number, title) for at, number, title in trial.writes if cut < at <= killed}
    kept = [write for write in trial.writes if not cut < write[0] <= killed]
    last: dict[str, str] = {}
    for at, number, title in sorted(trial.writes):
        if number in last:
            ends[number].setdefault(last[number], at)
        last[number] = title
    for number, title in lost:  # what was lost ends with its server; what it had replaced came back
        ends[number][title] = min(ends[number].get(title, promoted), promoted)
    replaced: dict[str, str] = {}
    for at, number, title in sorted(kept):
        if number in replaced:
            ends[number][replaced[number]] = at
        replaced[number] = title
    lies = [
        read for read in trial.reads
        if read[0] > ends[read[1]].get(read[2], float("inf")) + B
    ]  # fmt: skip
    shown = Counter(f"{status} {how}" for _began, _number, _title, status, how in trial.reads)
    again = sum(read[0] > promoted + B for read in trial.reads)
    seen = sum((read[1], read[2]) in lost for read in trial.reads)
    return {"rows shown": len(trial.reads), "after the failover": again, "lost commits": len(lost),
            "rows of lost commits shown before": seen, "lies": len(lies), "examples": lies[:5],
            "failed": dict(trial.failed), "answers": dict(shown.most_common(8))}  # fmt: skip


def main() -> int:
    """Run it; 1 if anybody was lied to."""
    folder = Path(tempfile.mkdtemp(prefix="fo-"))
    folder.chmod(0o755)
    here, first, second = folder / "here", Server(folder / "a"), Server(folder / "b")
    first.run("initdb", "-D", str(first.data), "-U", "orders", "-A", "trust", "--no-sync")
    first.start()
    first.ask("CREATE DATABASE orders")
    here.symlink_to(first.folder)
    os.environ["DATABASE_URL"] = f"postgresql://orders@/orders?host={here}"
    os.environ |= {"DEBUG": "on", "DJANGO_SETTINGS_MODULE": "config.settings", "SECRET_KEY": "a trial's own"}
    os.environ |= {"REDIS_URL": "redis://unused", "CELERY_BROKER_URL": "memory://"}
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connections

    from accounts.services import token_issue
    from config.seeding.people import ensure_people
    from tests.factories import OrderFactory, WorkOrderFactory
    from tests.live import Live

    call_command("migrate", verbosity=0)
    people = ensure_people()
    tokens = {name: token_issue(user=people[name], name="trial")[1] for name in ("client", "operator1")}
    shop = [OrderFactory(client=people["client"]).number for _ in range(ORDERS)]
    board = [order.number for order in WorkOrderFactory.create_batch(ORDERS)]
    connections.close_all()
    source = ("-h", str(first.folder), "-U", "orders", "-X", "stream", "-c", "fast")
    second.run("pg_basebackup", *source, "-D", str(second.data), "-R")
    second.start()
    with Live() as site:
        site.start("valkey", "web", "relay")
        trial = Trial(site.url, tokens, {"shop_order": shop, "mes_workorder": board})
        paths = [(f"/api/v1/shop/orders/{number}/", "client") for number in shop[:6]]
        paths += [("/api/v1/mes/orders/?limit=50", "operator1")] * 2
        actors = [threading.Thread(target=trial.read, args=path) for path in paths]
        database = {"host": str(here), "user": "orders", "dbname": "orders"}
        actors.append(threading.Thread(target=trial.write, args=(database,)))
        for actor in actors:
            actor.start()
        time.sleep(CALM)
        # Nobody writes while the line is cut: of each write it must be known on which side of the cut it is.
        trial.pause.set()
        time.sleep(1)
        last = first.ask("SELECT pg_current_wal_lsn()")
        until(lambda: bool(second.ask(f"SELECT pg_last_wal_receive_lsn() >= '{last}'")))
        second.ask("ALTER SYSTEM SET primary_conninfo = ''")
        second.ask("SELECT pg_reload_conf()")
        until(lambda: second.ask("SELECT count(*) FROM pg_stat_wal_receiver") == 0)
        cut = time.monotonic()
        trial.pause.clear()
        time.sleep(LOST)
        first.kill()
        killed = time.monotonic()
        here.unlink()
        here.symlink_to(second.folder)
        second.ask("SELECT pg_promote()")
        promoted = time.monotonic()
        time.sleep(AFTER)
        trial.stop.set()
        for actor in actors:
            actor.join()
        said = site.log("relay").read_text()
    second.kill()
    found = judge(trial, cut, killed, promoted)
    found["the relay"] = [line[:200] for line in said.splitlines() if "relay_" in line][-6:]
    shutil.rmtree(folder)
    print(json.dumps(found, indent=1, default=str))  # noqa: T201
    return bool(found["lies"])


if __name__ == "__main__":
    sys.exit(main())
