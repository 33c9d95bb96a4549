"""What becomes of a request whose Content-Type can't even be parsed?"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.utils.http import parse_header_parameters

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def readable_content_type(application: "WSGIApplication") -> "WSGIApplication":
    """WSGI middleware: a Content-Type that can't be parsed reads as unsupported (415).

    Django raises on it while it makes the request, where no middleware and no handler of errors stands yet.
    """

    def wrapped(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        try:
            parse_header_parameters(environ.get("CONTENT_TYPE", ""))
        except ValueError:
            environ["CONTENT_TYPE"] = "application/octet-stream"
        return application(environ, start_response)

    return wrapped
