"""`manage.py relay`: keeps the caches true for as long as it runs; start two, and one stands by."""

import signal
import threading
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError
from psycopg2.errors import UndefinedTable

from caching.relay import Relay


class Command(BaseCommand):
    """Leads, or stands by to lead, until SIGTERM or Ctrl-C."""

    help = "Keep the caches true: apply the change log, renew the fence. Run one or more."

    def handle(self, **_options: Any) -> None:
        """Run until told to stop; the lock is given back, so a standby takes over at once."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_args: stop.set())
        try:
            Relay().run(stop)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from error
        except ProgrammingError as error:
            if isinstance(error.__cause__, UndefinedTable):
                raise CommandError("The tables are not there yet: run `manage.py migrate`.") from error
            raise
