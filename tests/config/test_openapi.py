"""Is the OpenAPI description complete: valid, without warnings, every error of every operation in it?"""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from jsonschema import Draft7Validator

from events.http import PROBLEM_CODES, PROBLEMS

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The description of the whole API, valid and made without a warning."""
    out = StringIO()
    options = {"validate": True, "fail_on_warn": True, "format": "openapi-json"}
    call_command("spectacular", stdout=out, **options)
    return json.loads(out.getvalue())


@pytest.fixture(scope="module")
def operations(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The operations by "METHOD path"."""
    return {
        f"{method.upper()} {path}": operation
        for path, item in schema["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def codes_of(operation: dict[str, Any], status: str) -> set[str]:
    """The error codes that an operation shows by example for a status."""
    content = operation["responses"][status]["content"]["application/problem+json"]
    return {example["value"]["code"] for example in content["examples"].values()}


def test_every_operation_names_the_errors_that_any_may_answer(operations: dict[str, dict[str, Any]]) -> None:
    assert operations
    for name, operation in operations.items():
        assert "malformed_request" in codes_of(operation, "400"), name
        assert "not_authenticated" in codes_of(operation, "401"), name
        assert "permission_denied" in codes_of(operation, "403"), name
        assert codes_of(operation, "429") == {"throttled"}, name
        assert codes_of(operation, "500") == {"internal_error"}, name
        assert codes_of(operation, "503") == {"overloaded"}, name
        assert ("{" not in name) or "not_found" in codes_of(operation, "404"), name
        assert ("GET" in name) or "malformed_request" in codes_of(operation, "415"), name


def test_every_error_is_a_problem_and_every_example_is_true_to_its_schema(
    schema: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    validator = Draft7Validator({"$ref": "#/components/schemas/Problem", "components": schema["components"]})
    for name, operation in operations.items():
        for status, response in operation["responses"].items():
            if status < "400":
                assert "application/problem+json" not in response.get("content", {}), name
                continue
            assert set(response["content"]) == {"application/problem+json"}, (name, status)
            for example in response["content"]["application/problem+json"]["examples"].values():
                validator.validate(example["value"])
                assert str(example["value"]["status"]) == status
                assert example["value"]["code"] in response["description"]


def test_every_list_takes_limit_and_cursor_and_answers_the_envelope(
    schema: dict[str, Any], operations: dict[str, dict[str, Any]]
) -> None:
    lists = [
        operation
        for operation in operations.values()
        if "Paginated" in json.dumps(operation["responses"].get("200", {}))
    ]
    assert lists
    for operation in lists:
        assert {"limit", "cursor"} <= {parameter["name"] for parameter in operation["parameters"]}
        assert "validation_error" in codes_of(operation, "400")
    for name, component in schema["components"]["schemas"].items():
        if name.startswith("Paginated"):
            assert set(component["required"]) == {"results", "next", "count"}


def test_the_description_lists_every_code(schema: dict[str, Any]) -> None:
    text = schema["info"]["description"]
    assert all(f"| `{code}` | {PROBLEMS[code].status} |" in text for code in PROBLEMS)
    assert schema["components"]["schemas"]["ProblemCode"]["enum"] == PROBLEM_CODES


@pytest.mark.django_db
def test_the_schema_is_served_as_json_whatever_accept_says(client: Client) -> None:
    answer = client.get("/api/schema/", headers={"accept": "application/yaml"})
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/vnd.oai.openapi+json"
    assert answer.json()["openapi"].startswith("3.")


@pytest.mark.django_db
def test_the_docs_page_needs_no_other_host(client: Client) -> None:
    page = client.get("/api/docs/")
    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert "drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js" in page.text
