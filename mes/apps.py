"""The plant's work orders."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MesConfig(AppConfig):
    """The plant's app."""

    name = "mes"
    verbose_name = _("Manufacturing")
