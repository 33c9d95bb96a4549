"""What may go wrong in a way the caller must be told: the base of every domain error."""

from collections.abc import Mapping
from typing import Any, ClassVar


class DomainError(Exception):
    """A refusal with a stable code; the HTTP layer turns it into a problem document (RFC 9457).

    ``code`` and ``status`` belong to the class, ``detail`` is a sentence for the caller, ``extra`` are
    further members of the problem document, ``headers`` further headers of the answer.
    """

    code: ClassVar[str]
    status: ClassVar[int]

    def __init__(
        self,
        detail: str,
        *,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})


class NotFound(DomainError):
    """There is no such thing, or none that the caller may know of."""

    code = "not_found"
    status = 404
