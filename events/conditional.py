"""How is a cached read asked for and answered: ETag, If-None-Match, Cache-Status?"""

from django.http import HttpResponse
from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request

#: What every cached read takes and answers besides its body, for OpenAPI.
CACHED_READ = [
    OpenApiParameter(
        "If-None-Match", location=OpenApiParameter.HEADER, description="An ETag: 304 if it holds."
    ),
    OpenApiParameter(
        "Cache-Status",
        location=OpenApiParameter.HEADER,
        response=[200],
        description="How the answer came (RFC 9211): `...; hit`, `...; fwd=uri-miss; stored`,"
        " `...; fwd=partial` (PostgreSQL answered, for the cache holds only a part),"
        " or `...; fwd=bypass; detail=` and why the cache stepped aside.",
    ),
    OpenApiParameter("ETag", location=OpenApiParameter.HEADER, response=[200], description="Weak."),
]
NOT_MODIFIED = OpenApiResponse(description="The client's copy still holds.")


def known_etags(request: Request) -> list[str]:
    """The entity tags the client has, from If-None-Match, without their quotes and weakness."""
    tags = parse_etags(request.headers.get("If-None-Match", ""))
    return [tag.removeprefix("W/").strip('"') for tag in tags]


def cached_response(
    request: Request, body: bytes | None, etag: str | None, cache_status: str
) -> HttpResponse:
    """The answer of a cached read: 304 when the client has it (``body`` None, or its ETag known).

    The ETag is weak (RFC 9110, 8.8.1): equal ones mean equal content, not equal bytes. Cache-Status is
    RFC 9211's.
    """
    has_it = body is None or (etag is not None and not {etag, "*"}.isdisjoint(known_etags(request)))
    response = HttpResponse(status=304) if has_it else HttpResponse(body, content_type="application/json")
    if has_it:
        del response["Content-Type"]
    if etag is not None:
        response["ETag"] = f'W/"{etag}"'
    response["Cache-Status"] = cache_status
    response["Cache-Control"] = "private, no-cache"
    return response
