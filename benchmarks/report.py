"""The run: fill the tables, measure, print one table and write it down with machine, versions and date."""

import platform
from datetime import UTC, datetime
from pathlib import Path

import django
from django.core.management import call_command
from django.db import connection
from django.test.utils import override_settings
from django.urls import clear_url_caches
from django_redis import get_redis_connection

from benchmarks import figures, world

RESULTS = Path(__file__).parent / "results.md"


def main(orders: int) -> None:
    """Measure everything."""
    call_command("migrate", verbosity=0)
    operator, client, order = world.make(orders)
    lines = figures.rebuild()
    with override_settings(ROOT_URLCONF="benchmarks.calls"), figures.relay():
        clear_url_caches()
        lines += figures.pages(operator, client, order)
        lines += figures.claims(operator)
        lines += figures.updates()
    write(
        RESULTS,
        "Measured",
        f"{orders:,} work orders, every tenth unclaimed; 50 rows a page; calls of WSGI in one process, all on"
        " one core, from request to answer, with the caller's token or session; `null` is a view that answers"
        " a constant, its caller given. Medians of 7 rounds, sides in turn, ± half the range.",
        "seconds a call",
        lines,
    )


def write(path: Path, title: str, how: str, detail: str, lines: list[figures.Figure]) -> None:
    """Print the figures as a table and write it down, with machine, versions and date."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        postgresql = cursor.fetchone()[0]
    valkey = get_redis_connection("default").info("server")
    version = valkey.get("valkey_version") or valkey["redis_version"]
    head = [
        f"# {title}",
        "",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {platform.machine()}, {platform.system()}, "
        f"Python {platform.python_version()}, Django {django.get_version()}, PostgreSQL {postgresql}, "
        f"Valkey {version}. {how}",
        "",
        f"| figure | measured | target | {detail} |",
        "|---|---|---|---|",
    ]
    rows = [f"| {line.name} | {line.value} | {line.target} | {line.detail} |" for line in lines]
    text = "\n".join([*head, *rows, ""])
    print(text)
    path.write_text(text)
