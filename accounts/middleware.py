"""In which language does a page speak?"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

#: Read by programs, in English; nobody is asked who they are by a session.
FOR_PROGRAMS = ("/api/", "/healthz", "/readyz", "/metrics")


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
