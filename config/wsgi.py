"""The WSGI entry point: `granian --interface wsgi config.wsgi:application`."""

import multiprocessing
import os
import signal

from django.core.wsgi import get_wsgi_application

from config import embedded, processes
from config.content_type import readable_content_type

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("STATEMENT_TIMEOUT_MS", "5000")  # somebody waits for each of the web's statements
if (server := multiprocessing.parent_process()) and server.pid:
    processes.end_with_parent(signal.SIGTERM, server.pid)  # a worker of granian may not outlive it
embedded.hold()
application = readable_content_type(get_wsgi_application())
