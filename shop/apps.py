"""Clients' orders."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ShopConfig(AppConfig):
    """The Shop's app."""

    name = "shop"
    verbose_name = _("Shop")
