"""Whose session is it, and in which language does a page speak?"""

from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from accounts.principals import note
from accounts.sessions import SessionStore

#: Read by programs, in English; nobody is asked who they are by a session.
FOR_PROGRAMS = ("/api/", "/healthz", "/readyz", "/metrics")


class PrincipalMiddleware(AuthenticationMiddleware):
    """Django's own, which takes the user from the cached session where that says who it is."""

    def process_request(self, request: HttpRequest) -> None:
        """Set ``request.user``, lazily."""
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _user_of(request))  # type: ignore[assignment]


def _user_of(request: HttpRequest) -> Any:
    """The user of the session. Whatever is out of the ordinary (somebody inactive, another password since the
    login, an old SECRET_KEY) is left to Django, which asks PostgreSQL and ends what has to end."""
    session = cast(SessionStore, request.session)
    logged_in = session.get(auth.SESSION_KEY)
    principal = session.principal
    if (
        principal is not None
        and principal["is_active"]
        and logged_in == str(principal["id"])
        and session.get(auth.BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
        and constant_time_compare(session.get(auth.HASH_SESSION_KEY, ""), principal["auth_hash"])
    ):
        note(request.META, session.proof, principal, session.until)
        return User.of_principal(principal)
    return auth.get_user(request)


class LanguageMiddleware:
    """Pages speak the logged-in user's language, or the browser's; the API always speaks English.

    It stands after AuthenticationMiddleware and takes the place of Django's LocaleMiddleware.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on in its language."""
        if request.path_info.startswith(FOR_PROGRAMS):
            with translation.override("en"):
                return self.get_response(request)
        language = language_of(request)
        with translation.override(language):
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response


def language_of(request: HttpRequest) -> str:
    """The language the user chose in the profile; of an anonymous one what the browser asks for."""
    if request.user.is_authenticated:
        return request.user.language
    return translation.get_language_from_request(request)
