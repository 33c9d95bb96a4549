"""Is every error of the API one problem document, whatever went wrong and wherever?"""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import User
from accounts.roles import Role
from accounts.services import token_issue
from events.http import PROBLEMS

pytestmark = [pytest.mark.urls("tests.config.probes"), pytest.mark.django_db]


@pytest.fixture(params=[True, False], ids=["debug", "no debug"], autouse=True)
def debug(request: pytest.FixtureRequest, settings: Settings) -> bool:
    """Everything here holds with DEBUG on and off."""
    settings.DEBUG = request.param
    return settings.DEBUG


@pytest.fixture
def browser() -> Client:
    """A client that sees a 500 as the world does, and would rather have HTML."""
    return Client(raise_request_exception=False, headers={"accept": "text/html"})


def problem_of(response: Any, status: int, code: str) -> dict[str, Any]:
    """The document of an answer, after checking what holds for every one of them."""
    document: dict[str, Any] = response.json()
    assert response.status_code == status, document
    assert response["Content-Type"] == "application/problem+json"
    assert {key: document[key] for key in ("type", "title", "status", "code")} == {
        "type": f"urn:problem:{code}",
        "title": PROBLEMS[code].title,
        "status": status,
        "code": code,
    }
    assert isinstance(document["detail"], str)
    assert document["detail"]
    assert "Traceback" not in response.text
    assert "secret detail" not in response.text
    return document


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("already_claimed", 409, "already_claimed"),
        ("claim_in_progress", 409, "claim_in_progress"),
        ("not_found", 404, "not_found"),
        ("drf_not_found", 404, "not_found"),
        ("permission_denied", 403, "permission_denied"),
        ("drf_permission_denied", 403, "permission_denied"),
        ("throttled", 429, "throttled"),
        ("suspicious", 400, "malformed_request"),
        ("overloaded", 503, "overloaded"),
        ("validation", 400, "validation_error"),
        ("plain_validation", 400, "validation_error"),
        ("unforeseen", 500, "internal_error"),
    ],
)
def test_an_exception_in_a_view_becomes_its_problem(
    browser: Client, name: str, status: int, code: str
) -> None:
    problem_of(browser.get(f"/api/raise/{name}/"), status, code)


def test_a_domain_error_brings_its_own_members_and_headers(browser: Client) -> None:
    document = problem_of(browser.get("/api/raise/already_claimed/"), 409, "already_claimed")
    assert document["operator"] == {"id": 7, "name": "Anna"}
    assert document["detail"] == "Anna took it."
    assert browser.get("/api/raise/claim_in_progress/")["Retry-After"] == "1"


@pytest.mark.parametrize(("name", "seconds"), [("throttled", "3"), ("overloaded", "1")])
def test_an_error_that_passes_says_when_to_come_again(browser: Client, name: str, seconds: str) -> None:
    assert browser.get(f"/api/raise/{name}/")["Retry-After"] == seconds


def test_an_unforeseen_error_is_logged_with_its_traceback(
    browser: Client, caplog: pytest.LogCaptureFixture
) -> None:
    browser.get("/api/raise/unforeseen/")
    (record,) = [record for record in caplog.records if record.exc_info]
    assert "secret detail" in str(record.exc_info)


def test_a_statement_that_takes_too_long_is_overload_and_the_log_says_why(
    browser: Client, caplog: pytest.LogCaptureFixture
) -> None:
    problem_of(browser.get("/api/timeout/"), 503, "overloaded")
    assert "statement timeout" in caplog.text


def test_nested_validation_errors_are_named_with_dots(browser: Client) -> None:
    body = {"title": "far too long for it", "lines": [{"amount": 1}, {"amount": 0}], "size": {"amount": "x"}}
    document = problem_of(
        browser.post("/api/form/", body, content_type="application/json"), 400, "validation_error"
    )
    assert set(document["errors"]) == {"title", "lines.1.amount", "size.amount"}
    assert all(isinstance(text, str) for texts in document["errors"].values() for text in texts)


def test_errors_of_no_field_are_non_field_errors(browser: Client) -> None:
    answers = [
        browser.post("/api/form/", [1], content_type="application/json"),
        browser.get("/api/raise/plain_validation/"),
    ]
    for answer in answers:
        assert set(problem_of(answer, 400, "validation_error")["errors"]) == {"non_field_errors"}
    document = problem_of(browser.get("/api/raise/validation/"), 400, "validation_error")
    assert document["errors"] == {"title": ["Too dull."], "non_field_errors": ["Not together."]}


@pytest.mark.parametrize(
    "body",
    ["", "{", "nonsense", '{"title": NaN}', "[" * 100_000, "\xff", '{"title": ' + "9" * 5000 + "}"],
    ids=["empty", "cut", "word", "nan", "deep", "not utf-8", "endless number"],
)
def test_a_body_that_is_not_json_is_malformed(browser: Client, body: str) -> None:
    answer = browser.post("/api/form/", body.encode("latin-1"), content_type="application/json")
    problem_of(answer, 400, "validation_error" if not body else "malformed_request")


@pytest.mark.parametrize("title", ["a\\u0000b", "\\ud800"], ids=["NUL", "half a surrogate pair"])
def test_text_that_postgresql_cannot_store_is_a_validation_error(browser: Client, title: str) -> None:
    answer = browser.post("/api/form/", f'{{"title": "{title}"}}', content_type="application/json")
    assert set(problem_of(answer, 400, "validation_error")["errors"]) == {"title"}


@pytest.mark.parametrize(
    "address",
    ["/api/raise/%00/", "/api/users/?limit=%00", "/api/nothing/%00", "/page/?q=a%00", "/api/users/?%00=1"],
)
def test_a_nul_in_the_address_is_malformed(browser: Client, address: str) -> None:
    problem_of(browser.get(address), 400, "malformed_request")


@pytest.mark.parametrize("address", ["/api/raise/%FF%FE/x", "/api/users/?limit=%FF", "/api/%C3%28/"])
def test_broken_utf8_in_the_address_is_no_server_error(browser: Client, address: str) -> None:
    assert browser.get(address).status_code in {400, 404}


def test_another_content_type_than_json_is_415(browser: Client) -> None:
    problem_of(browser.post("/api/form/", "a=b", content_type="text/plain"), 415, "malformed_request")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "GET", "NONSENSE"])
def test_a_method_that_a_view_does_not_have_is_405_with_allow(browser: Client, method: str) -> None:
    answer = browser.generic(method, "/api/form/")
    problem_of(answer, 405, "method_not_allowed")
    assert "POST" in answer["Allow"]


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense", "", "*/*;q=0"])
def test_the_api_answers_json_whatever_accept_says(browser: Client, accept: str) -> None:
    answer = browser.post(
        "/api/form/", {"title": "x"}, content_type="application/json", headers={"accept": accept}
    )
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("address", ["/api/", "/api/nothing", "/api/v1/nothing/", "/api/form", "/api/page"])
def test_an_unknown_address_below_api_is_404_for_any_method(
    browser: Client, method: str, address: str
) -> None:
    problem_of(browser.generic(method, address), 404, "not_found")


def test_a_plain_django_view_below_api_that_fails_answers_no_html(browser: Client) -> None:
    problem_of(browser.get("/api/plain/"), 500, "internal_error")


def test_a_csrf_failure_below_api_answers_no_html(debug: bool) -> None:
    strict = Client(enforce_csrf_checks=True)
    problem_of(strict.post("/api/plain/"), 403, "permission_denied")


def test_a_foreign_host_is_refused_without_html(browser: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["here.example"]
    answer = browser.get("/api/form/", headers={"host": "there.example"})
    problem_of(answer, 400, "malformed_request")


def test_an_error_keeps_the_security_headers(browser: Client) -> None:
    assert browser.get("/api/plain/")["X-Content-Type-Options"] == "nosniff"


def test_pages_outside_the_api_keep_their_html_errors(browser: Client) -> None:
    for address, status in (("/nothing/", 404), ("/broken-page/", 500)):
        answer = browser.get(address)
        assert answer.status_code == status
        assert answer["Content-Type"].startswith("text/html")


def test_a_json_body_that_is_too_large_is_413_before_it_is_read(browser: Client, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = browser.post("/api/form/", {"title": "x" * 1000}, content_type="application/json")
    problem_of(answer, 413, "malformed_request")


def test_a_body_without_a_length_is_411_and_not_taken_for_an_empty_one(browser: Client) -> None:
    headers = {"transfer-encoding": "chunked"}
    answer = browser.generic("POST", "/api/form/", content_type="application/json", headers=headers)
    problem_of(answer, 411, "malformed_request")


def test_a_file_that_is_too_large_is_413_before_it_is_read(browser: Client, settings: Settings) -> None:
    settings.MODEL_MAX_MB, settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1, 1000
    answer = browser.post("/api/form/", {"file": "x" * (2**20 + 1000)})
    problem_of(answer, 413, "file_too_large")


def test_who_is_anonymous_is_told_how_to_log_in(browser: Client) -> None:
    answer = browser.get("/api/closed/")
    problem_of(answer, 401, "not_authenticated")
    assert answer["WWW-Authenticate"] == "Token"


def test_who_lacks_the_role_is_denied() -> None:
    user = User.objects.create_user("mia")
    _token, key = token_issue(user=user, name="test")
    client = Client(headers={"authorization": f"Token {key}"})
    problem_of(client.get("/api/closed/"), 403, "permission_denied")


def test_a_session_without_csrf_token_is_denied() -> None:
    user = User.objects.create_user("otto", password="secret")
    from django.contrib.auth.models import Group

    user.groups.add(Group.objects.get(name=Role.OPERATOR))
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    assert strict.get("/api/closed/").json() == {"user": "otto"}
    problem_of(strict.post("/api/closed/"), 403, "permission_denied")
