"""What happens to a request that no view can be trusted with, and to an error that no view answered?"""

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.messages.middleware import MessageMiddleware
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.common import CommonMiddleware
from django.template.loader import render_to_string
from django.utils import translation
from django_htmx.middleware import HtmxMiddleware

from accounts.middleware import FOR_PROGRAMS
from caching.lost import is_lost
from config.problems import problem_for_status, problem_response

logger = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponse]


class ApiProblemMiddleware:
    """Gives every error below /api/ the shape of the API's errors, with DEBUG on as well as off.

    It stands outside all others, because hosts, cookies and unforeseen exceptions are refused there, by
    pages in HTML. The headers of the answer (Allow, security headers) are kept.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on; replace an HTML error."""
        response = self.get_response(request)
        is_html = "json" not in response.get("Content-Type", "")
        if response.status_code < 400 or not is_html or not request.path_info.startswith("/api/"):
            return response
        kept = {
            name: value
            for name, value in response.headers.items()
            if name.lower() not in {"content-type", "content-length", "content-language"}
        }
        problem = problem_for_status(response.status_code, kept)
        problem.cookies = response.cookies
        return problem


class RequestLimitsMiddleware:
    """Refuses what PostgreSQL can't store or the disk shouldn't: NUL characters, bodies that are too large.

    A NUL in a JSON or form field is left to the serializers, which name the field. A body must say how long
    it is: Django reads as many bytes as Content-Length says, so it would take a chunked one for an empty one.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer 400, 411 or 413 before anything is read, else pass the request on."""
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            return problem_response("malformed_request", detail="The address contains a NUL character.")
        if any("\0" in value for value in request.COOKIES.values()):
            return problem_response("malformed_request", detail="A cookie contains a NUL character.")
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length == "0" and "HTTP_TRANSFER_ENCODING" in request.META:
            return problem_response("malformed_request", status=411, detail="Send a Content-Length.")
        size = int(length) if length.isdecimal() else 0
        if request.content_type == "multipart/form-data":
            if size > settings.MODEL_MAX_MB * 2**20 + settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
                detail = f"The file may have at most {settings.MODEL_MAX_MB} MiB."
                return problem_response("file_too_large", detail=detail)
        elif size > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            detail = f"The request may have at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes."
            return problem_response("malformed_request", status=413, detail=detail)
        return self.get_response(request)


class ForPages:
    """Mixed into a middleware that only pages need: a program's request passes it by."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        """Pass a program's request on, and a page's through the middleware."""
        if request.path_info.startswith(FOR_PROGRAMS):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class PageMessagesMiddleware(ForPages, MessageMiddleware):
    """Django's own, for pages."""


class PageHtmxMiddleware(ForPages, HtmxMiddleware):
    """django-htmx's own, for pages."""


class LengthMiddleware(CommonMiddleware):
    """Django's own, which says of an answer without a body nothing of its length (RFC 9110, 8.6)."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """The answer, with a Content-Length if it has content."""
        response = super().process_response(request, response)
        if response.status_code in (204, 304):
            del response.headers["Content-Length"]
        return response


class UnavailableMiddleware:
    """Pages answer 503 where the API does: PostgreSQL is lost, or has too much to do.

    It stands before the first middleware that asks who the user is, and asks itself: Django answers 500 to
    what a middleware raises, and lets only a view's exceptions be answered by another middleware.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on if it can be known whose it is."""
        if not request.path_info.startswith(FOR_PROGRAMS):
            try:
                request.user.is_authenticated  # noqa: B018  a lazy object: looked up here
            except (DatabaseError, InterfaceError) as error:
                if not is_lost(error):
                    raise
                with translation.override(translation.get_language_from_request(request)):
                    return _unavailable(error)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer what a page raised, in the language of its reader; DRF has answered for the API."""
        return _unavailable(exception) if is_lost(exception) else None


def _unavailable(error: Exception) -> HttpResponse:
    """A page that needs neither session nor user."""
    logger.warning("PostgreSQL did not answer: %s", error)
    return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": "1"})
