"""How is a cached read asked for and answered: ETag, If-None-Match, Cache-Status?"""

from collections.abc import Callable
from hashlib import blake2b

from django.http import HttpRequest, HttpResponse
from django.utils.http import parse_etags
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request

from caching.proofs import Proof, grounds_of

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


def digest(shown: bytes) -> str:
    """An ETag for what is shown: nothing else ever has it, not even when PostgreSQL was set back to a time
    before, and goes on from there with the same versions."""
    return blake2b(shown, digest_size=12).hexdigest()


def known_etags(request: Request) -> list[str]:
    """The entity tags the client has, from If-None-Match, without their quotes and weakness."""
    tags = parse_etags(request.headers.get("If-None-Match", ""))
    return [tag.removeprefix("W/").strip('"') for tag in tags]


def is_known(etag: str, if_none_match: str) -> bool:
    """Whether the header names this entity tag (quoted, weak or not), or any."""
    if not if_none_match or if_none_match == etag:
        return bool(if_none_match)
    opaque = etag.removeprefix("W/")
    return any(tag == "*" or tag.removeprefix("W/") == opaque for tag in parse_etags(if_none_match))


def unless_known(
    request: HttpRequest | Request, tag: str | None, make: Callable[[], HttpResponse]
) -> HttpResponse:
    """304 to who has what this entity tag names, else what ``make`` makes; both with the tag."""
    has_it = tag is not None and is_known(tag, request.headers.get("If-None-Match", ""))
    response = HttpResponse(status=304) if has_it else make()
    if has_it:
        del response["Content-Type"]
    if tag is not None:
        response["ETag"] = tag
    return response


def cached_response(
    request: Request,
    body: bytes | None,
    etag: str | None,
    cache_status: str,
    proof: Proof | None = None,
    *,
    is_shared: bool = False,
) -> HttpResponse:
    """The answer of a cached read: 304 when the client has it, as its ETag says (``body`` may be None then).

    ``proof`` proves that it holds: for all who may see what the caller sees where it ``is_shared``, else for
    the caller alone. The ETag is weak (RFC 9110, 8.8.1): equal ones mean equal content, not equal bytes.
    Cache-Status is RFC 9211's.
    """
    tag = None if etag is None else f'W/"{etag}"'
    if proof is not None:
        grounds = grounds_of(request.META)
        grounds.what, grounds.is_shared = (proof,), is_shared
    response = unless_known(request, tag, lambda: HttpResponse(body, content_type="application/json"))
    response["Cache-Status"] = cache_status
    response["Cache-Control"] = "private, no-cache"
    return response
