"""How does a list of the API come in pages: by keyset, newest first, one query a page?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from events.http import DEFAULT_LIMIT, MOST_LIMIT, next_page_url, read_page_params

if TYPE_CHECKING:  # rest_framework.views imports this module: it is named in its settings
    from rest_framework.views import APIView


class KeysetPagination(BasePagination):
    """Pages of a queryset by the unique integer column that the view names as ``keyset_field``.

    A page starts after the last row of the one before, so no row is met twice or skipped, however many are
    added meanwhile, and a deep page costs what the first costs. ``count`` is null unless the view has a
    ``get_count()``: counting a large table exactly on every page is what we don't do.
    """

    def paginate_queryset(self, queryset: Any, request: Request, view: "APIView | None" = None) -> list[Any]:
        """The rows of the page that the request asks for. Raises a validation error for a bad one."""
        field: str = view.keyset_field  # type: ignore[union-attr]
        limit, after = read_page_params(request)
        if after is not None:
            queryset = queryset.filter(**{f"{field}__lt": after})
        rows = list(queryset.order_by(f"-{field}")[: limit + 1])
        self.next_url = None
        if len(rows) > limit:
            rows.pop()
            last = rows[-1]
            self.next_url = next_page_url(
                request, last[field] if isinstance(last, dict) else getattr(last, field)
            )
        get_count = getattr(view, "get_count", None)
        self.count: int | None = get_count() if get_count else None
        return rows

    def get_paginated_response(self, data: Sequence[Any]) -> Response:
        """The page in its envelope."""
        return Response({"results": data, "next": self.next_url, "count": self.count})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The envelope, for OpenAPI."""
        return {
            "type": "object",
            "required": ["results", "next", "count"],
            "properties": {
                "results": schema,
                "next": {
                    "type": "string",
                    "format": "uri",
                    "nullable": True,
                    "description": "Address of the next page; null on the last one.",
                },
                "count": {
                    "type": "integer",
                    "nullable": True,
                    "description": "Rows on all pages, where that is known.",
                },
            },
        }

    def get_schema_operation_parameters(self, view: "APIView") -> list[dict[str, Any]]:
        """``limit`` and ``cursor``, for OpenAPI."""
        return [
            {
                "name": "limit",
                "in": "query",
                "description": "Rows a page.",
                "schema": {"type": "integer", "minimum": 1, "maximum": MOST_LIMIT, "default": DEFAULT_LIMIT},
            },
            {
                "name": "cursor",
                "in": "query",
                "description": "Opaque; taken from `next`. Without it: the newest rows.",
                # 64 bits in base64url: two of the last character's six are spare, and zero.
                "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{10}[AEIMQUYcgkosw048]$"},
            },
        ]
