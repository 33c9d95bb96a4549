"""Which servers are measured: a database and a Redis number of their own on the embedded servers.

Imported first: it sets what the settings read.
"""

import os
import sys
from urllib.parse import urlsplit, urlunsplit

import psycopg2

from config import embedded


def prepare(database: str = "bench") -> None:
    """Start the servers, make the database if need be, and point the settings at it."""
    embedded.hold()
    own = urlsplit(embedded.database_url())
    connection = psycopg2.connect(embedded.database_url())
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
        if not cursor.fetchone():
            cursor.execute(f"CREATE DATABASE {database}")
    connection.close()
    os.environ.update(
        DATABASE_URL=urlunsplit(own._replace(path=f"/{database}")),
        REDIS_URL=embedded.redis_url(8),
        CELERY_BROKER_URL=embedded.broker_url().replace("virtual_host=1", "virtual_host=9"),
        SECRET_KEY="bench",
        ALLOWED_HOSTS="*",
        DEBUG="0",
        THROTTLE_RATE="off",
        LOG_LEVEL="ERROR",
        DJANGO_SETTINGS_MODULE="config.settings",
        PYTHONPATH=os.pathsep.join(sys.path),
    )


def pin() -> None:
    """One core for this process and the servers it will start: placement alone can double a figure."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
