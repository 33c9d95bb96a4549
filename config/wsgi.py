"""The WSGI entry point: `granian --interface wsgi config.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

from config import embedded
from config.content_type import readable_content_type

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
embedded.hold()
application = readable_content_type(get_wsgi_application())
