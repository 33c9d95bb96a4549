"""`manage.py cache_status`: how the caches are, as a table or as JSON."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from redis.exceptions import RedisError

from caching.status import PartitionStatus, status

HEADER = ("partition", "fence age", "epoch", "rows", "hit rate", "last rebuild", "why")


class Command(BaseCommand):
    """Shows each partition."""

    help = "Show each cache partition: fence age, epoch, rows, hit rate, last rebuild; and the backlog."

    def add_arguments(self, parser: CommandParser) -> None:
        """--json"""
        parser.add_argument("--json", action="store_true", help="machine-readable")

    def handle(self, **options: Any) -> None:
        """Print the table; an error when Redis does not answer."""
        try:
            now = status()
        except RedisError as error:
            raise CommandError(f"Redis does not answer: {error}") from error
        if options["json"]:
            self.stdout.write(json.dumps(now.to_json(), indent=2))
            return
        lines = [HEADER, *(_cells(partition) for partition in now.partitions)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
        for line in lines:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())
        self.stdout.write(f"\nbacklog: {now.backlog} changes")


def _cells(partition: PartitionStatus) -> tuple[str, ...]:
    trouble = f"withheld: {partition.trouble}" if partition.trouble else ""
    return (
        partition.partition,
        "no fence" if partition.fence_age is None else f"{partition.fence_age:.3f} s",
        partition.epoch or "-",
        "-" if partition.rows is None else f"{partition.rows:,}",
        "-" if partition.hit_rate is None else f"{partition.hit_rate:.1%}",
        (partition.rebuilt_at or "never")[:19],
        "; ".join(filter(None, (partition.rebuilt_why, trouble))) or "-",
    )
