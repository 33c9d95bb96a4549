"""The queue between Shop and MES."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class EventsConfig(AppConfig):
    """The queue's app."""

    name = "events"
    verbose_name = _("Engineering")

    def ready(self) -> None:
        """Let every app register its handlers, each in a module of its own called ``handlers``."""
        autodiscover_modules("handlers")
