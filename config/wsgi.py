"""The WSGI entry point: `granian --interface wsgi config.wsgi:application`."""

import importlib
import multiprocessing
import os
import signal

from django.core.wsgi import get_wsgi_application

from config import embedded, processes
from config.content_type import readable_content_type

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("STATEMENT_TIMEOUT_MS", "5000")  # somebody waits for each of the web's statements
os.environ.setdefault("PGAPPNAME", "web")  # its name in pg_stat_activity
if (server := multiprocessing.parent_process()) and server.pid:
    processes.end_with_parent(signal.SIGTERM, server.pid)  # a worker of granian may not outlive it
embedded.hold()
_django = get_wsgi_application()

from django.conf import settings  # noqa: E402 - read from here on

from config.metrics import count_request  # noqa: E402
from config.throttling import admit  # noqa: E402
from web.replay import Replay  # noqa: E402

# Django imports the views when the first request asks for one: all that came then would wait, for seconds.
importlib.import_module(settings.ROOT_URLCONF)

application = Replay(
    readable_content_type(_django),
    most_bytes=settings.CACHE_REPLAY_MB * 2**20,
    admit=admit,
    observe=count_request,
)
