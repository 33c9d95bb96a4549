"""How does the admin look? The settings of django-unfold."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Made to order"),
    "SITE_HEADER": _("Made to order"),
    "SITE_SYMBOL": "diamond",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("config/favicon.svg")}
    ],
    "STYLES": [lambda request: static("config/frame.css")],
    "SIDEBAR": {"navigation": "config.sidebar.navigation"},
    "SHOW_LANGUAGES": True,
    "LANGUAGES": {"action": reverse_lazy("admin:set_language")},
    "LOGIN": {"form": "config.login.LoginForm"},
    # A green that white text can be read on (AA) from 600 down.
    "COLORS": {
        "primary": {
            "50": "#f0fdfa",
            "100": "#ccfbf1",
            "200": "#99f6e4",
            "300": "#5eead4",
            "400": "#2dd4bf",
            "500": "#14b8a6",
            "600": "#0f766e",
            "700": "#115e59",
            "800": "#134e4a",
            "900": "#133f3c",
            "950": "#042f2e",
        },
    },
}
