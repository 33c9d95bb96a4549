"""`manage.py audit_cache`: compares the caches with PostgreSQL; exit 1 on a mismatch that outlives B."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from redis.exceptions import RedisError

from caching.audit import audit
from caching.declared import Declared


class Command(BaseCommand):
    """Compares a sample, or everything."""

    help = "Compare the caches with PostgreSQL, twice if need be; exit 1 on a mismatch that outlives B."

    def add_arguments(self, parser: CommandParser) -> None:
        """--all"""
        parser.add_argument("--all", action="store_true", help="every row instead of a sample")

    def handle(self, **options: Any) -> None:
        """Print each mismatch; raise ``CommandError`` if there is any."""
        mismatches = 0
        for cache in Declared.registry:
            try:
                looked_at, found = audit(cache, everything=options["all"])
            except RedisError as error:
                raise CommandError(f"Redis does not answer: {error}") from error
            self.stdout.write(f"{cache.name}: {looked_at} rows looked at, {len(found)} mismatches")
            for mismatch in found:
                self.stdout.write(f"  {mismatch.key}: cached {mismatch.cached}, stored {mismatch.stored}")
            mismatches += len(found)
        if mismatches:
            raise CommandError(f"{mismatches} rows disagree with PostgreSQL")
