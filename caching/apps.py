"""The cache engine."""

from django.apps import AppConfig


class CachingConfig(AppConfig):
    """The engine's app."""

    name = "caching"
