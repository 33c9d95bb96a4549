"""Which servers the tests use: real ones of their own, started before Django reads its settings.

A pytest plugin (``-p tests.environment``), because settings are read before any conftest. Each xdist worker
has its own PostgreSQL database (pytest-django's doing) and its own two Redis database numbers.
"""

import os

os.environ.setdefault("DATA_DIR", ".data/test")

from config import embedded

embedded.hold()
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
# The controller of xdist sets the variables too, and its workers inherit them.
if os.environ.setdefault("TEST_REDIS", "given" if "REDIS_URL" in os.environ else "own") == "own":
    os.environ["REDIS_URL"] = embedded.redis_url(2 * _worker)
    os.environ["CELERY_BROKER_URL"] = embedded.broker_url().replace(
        "virtual_host=1", f"virtual_host={2 * _worker + 1}"
    )
os.environ.setdefault("THROTTLE_RATE", "off")
# A busy machine shall not look like a Redis in trouble. Tests of trouble bring connections of their own.
os.environ.setdefault("CACHE_TIMEOUT_MS", "2000")
