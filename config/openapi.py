"""What does the API's OpenAPI description say that no view repeats: the errors any of them may answer?"""

from collections.abc import Iterator
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import Direction, OpenApiResponse

from accounts.permissions import HasRole
from events.http import PROBLEM_MEDIA_TYPE, PROBLEMS, problem_responses


class ApiSchema(AutoSchema):
    """A view's description, with the errors added that stem from what stands before every view."""

    def _get_response_for_code(
        self,
        serializer: Any,
        status_code: str,
        media_types: list[str] | None = None,
        direction: Direction = "response",
    ) -> dict[str, Any]:
        """An answer; every error is a problem document."""
        if status_code >= "400":
            media_types = [PROBLEM_MEDIA_TYPE]
        return super()._get_response_for_code(serializer, status_code, media_types, direction)

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        """The answers that the view declares and the common errors; codes of one status share a response."""
        responses = super()._get_response_bodies(direction)
        for problems in self._common_problems():
            for status, response in problems.items():
                common = self._get_response_for_code(response, str(status), None, direction)
                declared = responses.setdefault(str(status), common)
                if declared is common:
                    continue
                examples = declared["content"][PROBLEM_MEDIA_TYPE]["examples"]
                for name, example in common["content"][PROBLEM_MEDIA_TYPE]["examples"].items():
                    if name not in examples:
                        examples[name] = example
                        declared["description"] += f" or {common['description']}"
        return dict(sorted(responses.items()))

    def _common_problems(self) -> Iterator[dict[int, OpenApiResponse]]:
        """What can go wrong with any request of this kind."""
        yield problem_responses("malformed_request", "throttled", "internal_error", "overloaded")
        if any(isinstance(permission, HasRole) for permission in self.view.get_permissions()):
            yield problem_responses("not_authenticated", "permission_denied")
        if "{" in self.path:
            yield problem_responses("not_found")
        has_body = self.method in {"POST", "PUT", "PATCH"}
        if has_body or any(parameter["in"] == "query" for parameter in self._get_parameters()):
            yield problem_responses("validation_error")
        if has_body:
            for status in (411, 413, 415):
                yield problem_responses("malformed_request", status=status)
        if has_body and "multipart/form-data" in self.map_parsers():
            yield problem_responses("file_too_large")


def describe_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A postprocessing hook: the table of error codes, as part of the description of the API."""
    rows = (
        f"| `{code}` | {problem.status} | {problem.title} |"
        for code, problem in sorted(PROBLEMS.items(), key=lambda item: (item[1].status, item[0]))
    )
    heading = f"\n\n## Errors\nEvery error is a document of type `{PROBLEM_MEDIA_TYPE}` (RFC 9457).\n\n"
    table = "\n".join(("| code | status | means |", "|---|---|---|", *rows))
    result["info"]["description"] = result["info"].get("description", "") + heading + table
    return result
