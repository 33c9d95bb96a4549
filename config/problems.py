"""What does the API answer when something is wrong: one document (RFC 9457) for every error?"""

import logging
import math
from typing import Any

from django.core.exceptions import (
    NON_FIELD_ERRORS,
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    ValidationError,
)
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse, UnreadablePostError
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions
from rest_framework.views import set_rollback

from caching.lost import is_lost
from events.errors import DomainError
from events.http import PROBLEM_MEDIA_TYPE, problem_document

logger = logging.getLogger(__name__)

# What a plain status means when no view of ours said more; another 4xx is a malformed request.
CODE_OF_STATUS = {
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    429: "throttled",
    503: "overloaded",
}


def problem_response(
    code: str,
    *,
    status: int | None = None,
    detail: str | None = None,
    extra: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> JsonResponse:
    """An error answer. It is no DRF Response, so that no renderer chosen by Accept can change its shape."""
    document = problem_document(code, status=status, detail=detail, extra=extra)
    return JsonResponse(document, status=document["status"], content_type=PROBLEM_MEDIA_TYPE, headers=headers)


def problem_for_status(status: int, headers: dict[str, str] | None = None) -> JsonResponse:
    """An error answer of which nothing but the status is known."""
    code = CODE_OF_STATUS.get(status, "internal_error" if status >= 500 else "malformed_request")
    return problem_response(code, status=status, headers=headers)


def exception_handler(exc: Exception, context: dict[str, Any]) -> HttpResponseBase | None:
    """DRF's EXCEPTION_HANDLER. None for what nobody foresaw: Django logs it and answers 500.

    `config.middleware.ApiProblemMiddleware` then gives that 500, and whatever fails before a view is reached,
    the same shape.
    """
    response = _response_for(exc)
    if response is not None:
        set_rollback()
    return response


def _response_for(exc: Exception) -> JsonResponse | None:
    """The answer to an exception, or None when it is a fault of ours."""
    match exc:
        case DomainError():
            return problem_response(
                exc.code, status=exc.status, detail=exc.detail, extra=exc.extra, headers=exc.headers
            )
        case exceptions.APIException():
            return _response_for_drf(exc)
        case ValidationError():
            return _validation_problem(exc.message_dict if hasattr(exc, "error_dict") else exc.messages)
        case Http404():
            return problem_response("not_found")
        case PermissionDenied():
            return problem_response("permission_denied")
        case RequestDataTooBig():
            return problem_response("malformed_request", status=413, detail="The request is too large.")
        case SuspiciousOperation() | BadRequest() | UnreadablePostError():
            return problem_response("malformed_request", detail=str(exc) or None)
        case _ if is_lost(exc):
            logger.warning("PostgreSQL did not answer: %s", exc)
            return problem_response("overloaded", headers={"Retry-After": "1"})
    return None


def _response_for_drf(exc: exceptions.APIException) -> JsonResponse | None:
    """The answer to one of DRF's own exceptions."""
    detail = None if isinstance(exc.detail, list | dict) else str(exc.detail)
    headers: dict[str, str] = {}
    match exc:
        case exceptions.ValidationError():
            return _validation_problem(exc.detail)
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            code, headers = "not_authenticated", {"WWW-Authenticate": getattr(exc, "auth_header", "Token")}
        case exceptions.PermissionDenied():
            code = "permission_denied"
        case exceptions.NotFound():
            code = "not_found"
        case exceptions.MethodNotAllowed():
            code = "method_not_allowed"
        case exceptions.Throttled():
            seconds = math.ceil(getattr(exc, "wait", None) or 1)
            code, headers = "throttled", {"Retry-After": str(seconds)}
        case exceptions.ParseError() | exceptions.UnsupportedMediaType():
            code = "malformed_request"
        case _:
            return None
    status = 401 if code == "not_authenticated" else exc.status_code
    return problem_response(code, status=status, detail=detail, headers=headers)


def _validation_problem(errors: Any) -> JsonResponse:
    return problem_response(
        "validation_error",
        detail="Correct what `errors` names and send the request again.",
        extra={"errors": flatten_errors(errors)},
    )


def flatten_errors(detail: Any, path: str = "") -> dict[str, list[str]]:
    """DRF's nested errors as ``{"items.0.title": ["..."]}``; those of no field as ``non_field_errors``."""
    if isinstance(detail, dict):
        children = [
            ("non_field_errors" if key == NON_FIELD_ERRORS else str(key), value)
            for key, value in detail.items()
        ]
    elif isinstance(detail, list) and any(isinstance(item, dict | list) for item in detail):
        children = [(str(index), value) for index, value in enumerate(detail)]
    else:
        messages = detail if isinstance(detail, list) else [detail]
        return {path or "non_field_errors": [str(message) for message in messages]} if messages else {}
    flat: dict[str, list[str]] = {}
    for key, value in children:
        flat.update(flatten_errors(value, f"{path}.{key}" if path else key))
    return flat


@csrf_exempt
def api_not_found(request: HttpRequest) -> JsonResponse:
    """Whatever lies under /api/ and is nobody's: 404, with or without a final slash, for any method."""
    return problem_response("not_found", detail="The API has nothing at this address.")
