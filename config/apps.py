"""Makes `config` an app, for the commands that need the whole house, and gives the admin our site."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class ConfigConfig(AppConfig):
    """The house as an app."""

    name = "config"
    default = True

    def ready(self) -> None:
        """Every process sends its tasks to our broker: without the import Celery would look for another."""
        from config import celery  # noqa: F401


class AdminConfig(admin_apps.AdminConfig):
    """Django's admin with our site."""

    default = False
    default_site = "config.admin_site.Site"
