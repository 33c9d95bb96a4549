"""Does the WSGI application survive headers that Django's request refuses to parse?"""

import json
from typing import Any

import pytest
from django.test import RequestFactory


@pytest.mark.urls("tests.config.probes")
@pytest.mark.django_db
@pytest.mark.parametrize("parameter", ["charset*=bogus''x", "charset=hex", "charset=idna", "charset=none"])
def test_a_content_type_that_cannot_be_parsed_is_unsupported(parameter: str) -> None:
    from config.wsgi import application

    environ = RequestFactory().post("/api/form/", b"{}", content_type="application/json").environ
    environ["CONTENT_TYPE"] = f"application/json; {parameter}"
    answers: list[tuple[str, Any]] = []
    body = b"".join(application(environ, lambda status, headers, exc=None: answers.append((status, headers))))
    assert answers[0][0].startswith("415")
    assert json.loads(body)["code"] == "malformed_request"


def test_nor_does_it_matter_where_nothing_is_sent() -> None:
    from config.wsgi import application

    environ = RequestFactory().get("/healthz?a=1").environ | {"CONTENT_TYPE": "text/plain; charset=hex"}
    answers: list[str] = []
    application(environ, lambda status, headers, exc=None: answers.append(status))
    assert answers == ["200 OK"]
