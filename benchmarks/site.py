"""The site for granian, with the views that only benchmarks have."""

from django.conf import settings

from config.wsgi import application

settings.ROOT_URLCONF = "benchmarks.calls"
__all__ = ["application"]
