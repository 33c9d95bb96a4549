"""`manage.py warm_cache`: fills the caches before anybody asks; safe while serving."""

import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from caching.declared import Declared
from caching.redis import CacheUnavailable
from caching.warming import NotBegun, keys_to_warm, warm

BAR = 40


class Command(BaseCommand):
    """Warms one cache or all."""

    help = "Fill the caches from PostgreSQL, beside the living traffic."

    def add_arguments(self, parser: CommandParser) -> None:
        """--only, --most"""
        names = sorted(cache.name for cache in Declared.registry)
        parser.add_argument("--only", choices=names, help="one cache instead of all")
        parser.add_argument("--most", type=int, default=1_000_000, help="rows of a cache at most")

    def handle(self, **options: Any) -> None:
        """Warm, show how far it is, and say rows and seconds."""
        for cache in Declared.registry:
            if options["only"] in (None, cache.name):
                try:
                    self._warm(cache, options["most"])
                except NotBegun as error:
                    raise CommandError(
                        f"{error}: no relay has begun this cache. Start one: manage.py relay"
                    ) from error
                except CacheUnavailable as error:
                    raise CommandError(f"Redis can't be asked: {error}") from error

    def _warm(self, cache: Declared[Any], most: int) -> None:
        began = time.monotonic()
        keys = keys_to_warm(cache, most)
        done = 0
        for rows in warm(cache, keys):
            done += rows
            self._show(cache.name, done, len(keys))
        if sys.stderr.isatty():
            self.stderr.write("")
        self.stdout.write(f"{cache.name}: {done} rows in {time.monotonic() - began:.2f} s")

    def _show(self, name: str, done: int, of: int) -> None:
        if sys.stderr.isatty():
            bar = "#" * (BAR * done // of)
            self.stderr.write(f"\r{name} [{bar:<{BAR}}] {done:,} of {of:,}", ending="")
            self.stderr.flush()
