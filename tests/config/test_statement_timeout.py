"""Does PostgreSQL give up a statement of the web that takes too long, and nobody else's?"""

import json
import subprocess
import sys

import pytest
from django.db import connection, transaction

from config import embedded
from tests.caching.servers import environment_of_this_test

pytestmark = pytest.mark.django_db(transaction=True)

COMMAND = "import django; django.setup()"
WEB = "import config.wsgi"  # before anything has read the settings, as granian does
SHOW = """
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SHOW statement_timeout")
    print(cursor.fetchone()[0])
"""
ASK = """
from accounts.models import User
from tests.clients import ApiClient
answer = ApiClient(User.objects.get()).get("/api/v1/mes/orders/")
print(answer.status_code, answer["Retry-After"], answer.content.decode())
"""


def said(code: str, **environment: str) -> str:
    """What a process of its own printed."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=embedded.CHECKOUT,
        env=environment_of_this_test() | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.strip()


def test_the_web_has_a_limit_and_commands_have_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATEMENT_TIMEOUT_MS", raising=False)  # another test may have been the web
    assert said(COMMAND + SHOW) == "0"
    assert said(WEB + SHOW) == "5s"
    assert said(WEB + SHOW, STATEMENT_TIMEOUT_MS="700") == "700ms"


def test_a_page_whose_statement_takes_too_long_is_refused_as_overload(olga: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE mes_workorder")
        status, retry_after, body = said(WEB + ASK, STATEMENT_TIMEOUT_MS="300").split(" ", 2)
    assert (status, retry_after) == ("503", "1")
    assert json.loads(body)["code"] == "overloaded"
