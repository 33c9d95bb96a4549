"""Servers of a test's own, as real processes: started, stopped, frozen, killed and restarted at will."""

from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection


def database_url() -> str:
    """This run's test database, as other processes name it."""
    url = urlsplit(settings.DATABASE_URL)
    return url._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
