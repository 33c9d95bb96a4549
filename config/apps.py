"""Makes `config` an app, for the commands that need the whole house (seed_demo, simulate)."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The house as an app."""

    name = "config"
