"""``make chaos``: how is a run begun? Servers first: Django reads from the environment where they are."""

import argparse
import os
import secrets
import sys
from pathlib import Path

from config import embedded


def main() -> None:
    """Run for some minutes; exit 1 when a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Break everything, and check.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=None, help="which faults come when; a new one each time")
    parser.add_argument("--faults", help="only these, each once, comma separated")
    parser.add_argument("--calm", type=float, default=1.0, help="calm between faults, times 3 to 8 seconds")
    parser.add_argument("--interval", type=float, default=3.0, help="seconds between a buyer's new orders")
    parser.add_argument("--orders", type=int, default=24, help="of each kind that exist from the beginning")
    options = parser.parse_args()
    options.seed = secrets.randbelow(10_000) if options.seed is None else options.seed

    os.environ["DATA_DIR"] = os.environ.get("DATA_DIR") or ".data/chaos"
    for name in ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL"):
        os.environ.pop(name, None)
    embedded.hold()
    from tests.chaos.caches import Caches

    caches = Caches()
    try:
        os.environ.update(
            DJANGO_SETTINGS_MODULE="config.settings",
            DATABASE_URL=embedded.database_url(),
            REDIS_URL=caches.url,
            CELERY_BROKER_URL=embedded.broker_url(),
            DEBUG="on",
            LOG_LEVEL="ERROR",
            THROTTLE_RATE="off",
        )
        import django

        django.setup()
        from tests.chaos.director import direct

        report = Path(embedded.data_dir() / "report")
        clean = direct(caches, report, options)
    finally:
        caches.close()
    sys.exit(0 if clean else 1)


if __name__ == "__main__":
    main()
