"""Which HTTP words do Shop and MES share: error codes, how a view declares them, and pages of a list?"""

import base64
import re
import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

PROBLEM_MEDIA_TYPE = "application/problem+json"
NO_CURSOR = {"cursor": ["Not a cursor of this list."]}


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of error: its usual HTTP status, its title, and for the docs a detail and further members."""

    status: int
    title: str
    example: str
    example_extra: tuple[tuple[str, Any], ...] = ()


PROBLEMS: dict[str, Problem] = {
    "validation_error": Problem(
        400,
        "The request is not valid",
        "Correct what `errors` names and send the request again.",
        (("errors", {"quantity": ["Ensure this value is greater than or equal to 1."]}),),
    ),
    "malformed_request": Problem(
        400, "The request cannot be understood", "JSON parse error - Expecting value."
    ),
    "not_authenticated": Problem(401, "Who you are is not known", "Invalid token."),
    "permission_denied": Problem(
        403, "You may not do this", "You do not have permission to perform this action."
    ),
    "not_your_order": Problem(403, "Another operator holds the order", "Anna Berg holds this order."),
    "not_found": Problem(404, "There is no such thing", "No order has this number."),
    "method_not_allowed": Problem(405, "The method is not allowed here", 'Method "PATCH" not allowed.'),
    "already_claimed": Problem(
        409,
        "Another operator took the order",
        "Anna Berg took this order.",
        (("operator", {"id": 7, "name": "Anna Berg"}),),
    ),
    "claim_in_progress": Problem(
        409, "Another operator is just taking the order", "Another claim is being decided; try again."
    ),
    "illegal_transition": Problem(
        409, "The order's status does not allow this", "An order that is SHIPPED can't be cancelled."
    ),
    "idempotency_in_progress": Problem(
        409,
        "The same request is still running",
        "The first request with this key has not finished; try again.",
    ),
    "file_too_large": Problem(413, "The file is too large", "The file may have at most 50 MiB."),
    "file_type_unsupported": Problem(
        415, "The kind of file is not supported", "Send a model as .stl, .obj, .ply, .3mf or .glb."
    ),
    "model_unreadable": Problem(
        422, "The 3D model cannot be read", "The file ends before its last triangle."
    ),
    "idempotency_key_reused": Problem(
        422, "The key was used for another request", "This key belongs to a request with another body."
    ),
    "throttled": Problem(429, "Too many requests", "Expected available in 1 second."),
    "internal_error": Problem(500, "Something went wrong on our side", "The error was logged."),
    "overloaded": Problem(503, "The service cannot answer now", "The database did not answer; try again."),
}

PROBLEM_CODES = sorted(PROBLEMS)


def problem_document(
    code: str, *, status: int | None = None, detail: str | None = None, extra: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The body of an error answer (RFC 9457); without a status or a detail the code's own and its title."""
    problem = PROBLEMS[code]
    return {
        "type": f"urn:problem:{code}",
        "title": problem.title,
        "status": status or problem.status,
        "detail": detail or f"{problem.title}.",
        "code": code,
        **(extra or {}),
    }


class ProblemSerializer(serializers.Serializer[Any]):
    """Documents the body of every error answer: a problem document of RFC 9457."""

    type = serializers.CharField(help_text="`urn:problem:` and the code.")
    title = serializers.CharField(help_text="The code in words; the same for every answer with this code.")
    status = serializers.IntegerField(help_text="The HTTP status, repeated.")
    detail = serializers.CharField(help_text="What went wrong this time, in English.")
    code = serializers.ChoiceField(PROBLEM_CODES, help_text="Stable: programs decide by it.")
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="With `validation_error`: what is wrong with each field, nested names joined by dots.",
    )
    operator = serializers.DictField(
        required=False, help_text="With `already_claimed`: who took the order, as `id` and `name`."
    )


def problem_responses(*codes: str, status: int | None = None) -> dict[int, OpenApiResponse]:
    """The error answers with these codes: ``extend_schema(responses={200: ..., **problem_responses(..)})``.

    Codes of one status share one response with an example each; ``status`` overrides the codes' own. What
    any view may answer (400 malformed, 401, 403, 404 below a path parameter, 413, 415, 429, 5xx) is added
    without asking.
    """
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(status or PROBLEMS[code].status, []).append(code)
    return {
        number: OpenApiResponse(
            ProblemSerializer,
            description=" or ".join(f"`{code}`" for code in group),
            examples=[
                OpenApiExample(
                    code,
                    value=problem_document(
                        code,
                        status=number,
                        detail=PROBLEMS[code].example,
                        extra=dict(PROBLEMS[code].example_extra),
                    ),
                    response_only=True,
                )
                for code in group
            ],
        )
        for number, group in by_status.items()
    }


DEFAULT_LIMIT, MOST_LIMIT = 50, 200


def encode_cursor(position: int) -> str:
    """A cursor that says "after the row at this position" (a PostgreSQL bigint): 11 opaque characters."""
    return base64.urlsafe_b64encode(struct.pack(">q", position)).decode().rstrip("=")


def decode_cursor(cursor: str) -> int:
    """The position in a cursor that `encode_cursor` made; anything else raises ValueError."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{11}", cursor):
        raise ValueError("not a cursor")
    (position,) = struct.unpack(">q", base64.urlsafe_b64decode(cursor + "="))
    if encode_cursor(position) != cursor:  # the last character has two spare bits
        raise ValueError("not a cursor")
    return int(position)


def read_page_params(request: Request) -> tuple[int, int | None]:
    """How many rows the request asks for, and after which position (None: from the newest).

    Raises a validation error that names the bad parameter: a guess would show the wrong page.
    """
    limit = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch(r"[0-9]{1,9}", limit) or not 1 <= int(limit) <= MOST_LIMIT:
        raise serializers.ValidationError({"limit": [f"Must be a number from 1 to {MOST_LIMIT}."]})
    cursor = request.query_params.get("cursor")
    if cursor is None:
        return int(limit), None
    try:
        return int(limit), decode_cursor(cursor)
    except ValueError:
        raise serializers.ValidationError(NO_CURSOR) from None


def read_choices(request: Request, choices: Mapping[str, Collection[str]]) -> dict[str, str]:
    """The query parameters named in ``choices``; a validation error names one that is none of its values.

    What a serializer would do, at a twentieth of its price: lists are asked for all day long.
    """
    given = {name: request.query_params[name] for name in choices if name in request.query_params}
    wrong = {
        name: [f'"{value}" is not a valid choice.']
        for name, value in given.items()
        if value not in choices[name]
    }
    if wrong:
        raise serializers.ValidationError(wrong)
    return given


def next_page_url(request: Request, position: int) -> str:
    """The address of the page after the row at this position, all other query parameters kept."""
    return str(replace_query_param(request.build_absolute_uri(), "cursor", encode_cursor(position)))


def timeline_page(request: Request, lines: Iterable[Any]) -> Response:
    """A page of a timeline, newest first. The cursor counts from the oldest line, where nothing is added."""
    limit, remaining = read_page_params(request)
    ordered = list(lines)
    if remaining is not None and not 0 < remaining <= len(ordered):
        raise serializers.ValidationError(NO_CURSOR)
    start = 0 if remaining is None else max(0, len(ordered) - remaining)
    left = len(ordered) - start - limit
    return Response(
        {
            "results": [line.payload() for line in ordered[start : start + limit]],
            "next": next_page_url(request, left) if left > 0 else None,
            "count": len(ordered),
        }
    )
