"""The Celery application: `celery -A config.celery worker` carries the nudges, `beat` keeps the clock."""

import os
from typing import Any

from celery import Celery
from celery.signals import beat_init, setup_logging, worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("orders")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
@beat_init.connect
def _hold_servers(**_kwargs: Any) -> None:
    from config import embedded

    embedded.hold()


@setup_logging.connect
def _keep_django_logging(**_kwargs: Any) -> None:
    """Having a receiver here is what stops Celery from replacing the logging Django has set up."""
