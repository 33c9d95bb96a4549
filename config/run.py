"""What does `make run` do, from an empty machine to a served site?

1. holds the servers, brings the tables up to date, fills an empty site with the demo (in development);
2. takes PORT, or the first free port from 8000;
3. runs web, worker, beat and relay under the supervisor until Ctrl-C;
4. when the site answers, writes its address to `url` in DATA_DIR and says who can log in where.
"""

import fcntl
import http.client
import io
import json
import os
import shutil
import signal
import socket
import sys
from pathlib import Path

import django
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command, get_commands
from django.db import connections

from config import embedded, processes
from config.supervisor import Program, Supervisor

HOST = "127.0.0.1"
FIRST_PORT = 8000


def main() -> None:
    """Serve the site until Ctrl-C."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    if "MAKELEVEL" in os.environ:
        processes.end_with_parent(signal.SIGTERM, os.getppid())  # killing `make` is meant for us
    if embedded.lock("run", fcntl.LOCK_EX | fcntl.LOCK_NB) is None:
        sys.exit(f"The site of {embedded.data_dir()} runs already: {address() or 'it is just starting'}.")
    url_file().unlink(missing_ok=True)
    try:
        embedded.hold()
        django.setup()
        choose_port()  # so that a taken PORT is said at once
        users = _prepare()
        port = choose_port()
    except (embedded.ServerError, ImproperlyConfigured) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
    _count_together(embedded.data_dir() / "metrics")
    site = Site(port, users)
    supervisor = Supervisor(programs(port, embedded.data_dir()))
    try:
        supervisor.run(on_tick=site.look)
    finally:
        url_file().unlink(missing_ok=True)


def url_file() -> Path:
    """The file that holds the address of the site while it runs."""
    return embedded.data_dir() / "url"


def address() -> str | None:
    """The address of the running site; None when there is none, or not yet."""
    free = embedded.lock("run", fcntl.LOCK_SH | fcntl.LOCK_NB)
    if free is not None:
        os.close(free)
        return None
    return url_file().read_text().strip() if url_file().exists() else None


def demo_users(*options: str) -> dict[str, dict[str, str]]:
    """The demo's users by name, each with "password" and "token"; what is missing is made."""
    output = io.StringIO()
    call_command("seed_demo", "--json", *options, stdout=output)
    users: dict[str, dict[str, str]] = json.loads(output.getvalue())["users"]
    return users


def choose_port() -> int:
    """PORT from the environment, which must be free, else the first free one from 8000."""
    given = os.environ.get("PORT")
    if given and not _is_free(int(given)):
        sys.exit(f"Port {given} (PORT in the environment) is taken by another program.")
    return int(given) if given else next(filter(_is_free, range(FIRST_PORT, 65536)))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # The remains of old connections are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _prepare() -> dict[str, dict[str, str]]:
    """Tables up to date, in development the demo in an empty site; returns its users."""
    print("Bringing the tables up to date ...", flush=True)
    call_command("migrate", verbosity=0, interactive=False)
    users = {}
    if settings.DEBUG:
        is_empty = not apps.get_model("shop", "Order").objects.exists()
        if is_empty:
            print("Filling the empty site with the demo ...", flush=True)
        users = demo_users() if is_empty else demo_users("--orders=0")
    connections.close_all()
    return users


def _count_together(folder: Path) -> None:
    """Let /metrics sum up all programs, whichever web worker is asked. What older ones counted is over."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def programs(port: int, folder: Path) -> list[Program]:
    """The site's programs: the web at that port, and a folder for what they keep."""
    web = ["granian", "--interface", "wsgi", "--host", HOST, "--port", str(port), "--no-ws"]
    web += ["--workers", "2", "--blocking-threads", "4", "--respawn-failed-workers", "--log-level", "error"]
    celery = ["celery", "--quiet", "--app", "config.celery"]
    worker = ["worker", "--without-gossip", "--without-mingle"]
    # Nobody's short turn waits behind long ones, and news behind neither: a worker has some tasks in store.
    queues = {"worker": ("celery", "2"), "slow-worker": ("slow", "2"), "long-worker": ("long", "1")}
    schedule = ["--schedule", str(folder / "beat"), "--pidfile", ""]
    command = [sys.executable, "-m"]
    # Celery's fear of root is about pickled messages; ours are JSON.
    calm = [sys.executable, "-W", "ignore:You're running the worker", "-m"]
    site = [
        Program("web", [*command, *web, "config.wsgi:application"]),
        # SIGQUIT: when the supervisor was killed nobody waits for tasks to end; they are delivered again.
        *(
            Program(
                name,
                [*calm, *celery, *worker, "-n", f"{name}@%h", "-Q", queue, "--concurrency", processes],
                farewell=signal.SIGQUIT,
            )
            for name, (queue, processes) in queues.items()
        ),
        Program("beat", [*command, *celery, "beat", *schedule]),
    ]
    if "relay" in get_commands():
        site.append(Program("relay", [sys.executable, "manage.py", "relay"]))
    return site


class Site:
    """What is looked after beside the programs: the servers' guardians, and the site's first answer."""

    def __init__(self, port: int, users: dict[str, dict[str, str]]) -> None:
        self.port = port
        self.users = users
        self.is_announced = False

    def look(self) -> None:
        """Called by the supervisor several times a second."""
        embedded.revive()
        if not self.is_announced and self._answers():
            self.is_announced = True
            url = f"http://{HOST}:{self.port}"
            url_file().write_text(f"{url}\n")
            print(_banner(url, self.users), flush=True)

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=1)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status < 500  # it may not serve this host name, but it is there
        except OSError:
            return False
        finally:
            connection.close()


def _banner(url: str, users: dict[str, dict[str, str]]) -> str:
    lines = [
        "",
        f"  Made to order is served at {url}",
        "",
        f"  operators, sellers   {url}/admin/",
        f"  API                  {url}/api/v1/     documented at {url}/api/docs/",
    ]
    if users:
        passwords = {user["password"] for user in users.values()}
        lines += [
            f"  users                {', '.join(users)}",
            f"  password             {' or '.join(sorted(passwords))}",
            f"  a client's token     {users['client']['token']}",
            '  for the shell        eval "$(make -s demo)" sets URL and a token of each user',
        ]
    return "\n".join([*lines, "", "  Ctrl-C stops everything.", ""])


if __name__ == "__main__":
    main()
