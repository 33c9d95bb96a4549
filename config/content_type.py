"""What becomes of a request whose Content-Type can't even be parsed?"""

import codecs
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.utils.http import parse_header_parameters

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

#: By codecs' own names. Django decodes addresses and forms by whatever codec a request names, "hex" included.
_CHARSETS = {"utf-8", "ascii", "iso8859-1"}


def readable_content_type(application: "WSGIApplication") -> "WSGIApplication":
    """WSGI middleware: a Content-Type that can't be parsed reads as unsupported (415).

    Django raises on it while it makes the request, where no middleware and no handler of errors stands yet.
    """

    def wrapped(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        try:
            _, parameters = parse_header_parameters(environ.get("CONTENT_TYPE", ""))
            if codecs.lookup(parameters.get("charset", "utf-8")).name not in _CHARSETS:
                raise LookupError(parameters["charset"])
        except (ValueError, LookupError):
            environ["CONTENT_TYPE"] = "application/octet-stream"
        return application(environ, start_response)

    return wrapped
