"""The engine's app: finds what the others declare, and listens to those models."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class CachingConfig(AppConfig):
    """The engine's app."""

    name = "caching"

    def ready(self) -> None:
        """Load every app's ``caches`` module, connect the signals, register the checks."""
        from caching import checks, lines, signals

        del checks  # importing it registers them
        autodiscover_modules("caches")
        signals.connect()
        lines.watch()
