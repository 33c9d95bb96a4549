"""Do pages say, in the reader's language, that the site can't answer when PostgreSQL can't be asked?"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from tests.desks import desk

pytestmark = pytest.mark.django_db(transaction=True)
PAGES = ["/admin/board/", "/admin/board/live/", "/admin/dashboard/", "/admin/mes/workorder/"]


@contextmanager
def locked(table: str) -> Iterator[None]:
    """Somebody else's transaction keeps the table, and nobody waits for long."""
    other = connection.copy()
    try:
        other.set_autocommit(False)
        other.cursor().execute(f"LOCK TABLE {table}")
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 100")
        yield
    finally:
        other.close()
        connection.close()


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("table", ["accounts_session", "mes_workorder"])
def test_a_page_is_refused_as_overload_whoever_asks(olga: User, table: str, page: str) -> None:
    """Also when it can't be known who: the browser's language is what is left then."""
    browser = desk(olga)
    with locked(table):
        answer = browser.get(page)
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert "Nothing is lost." in answer.content.decode()
    assert browser.get(page).status_code == 200


def test_the_page_speaks_the_language_of_its_reader(olga: User) -> None:
    browser = desk(olga)
    with locked("accounts_session"):
        answer = browser.get("/admin/board/", headers={"Accept-Language": "ru"})
    assert "Ничего не потеряно." in answer.content.decode()
    User.objects.update(language="ru")
    with locked("mes_workorder"):
        answer = browser.get("/admin/board/")
    assert "Ничего не потеряно." in answer.content.decode()


def test_a_connection_that_was_lost_is_no_fault_of_ours(olga: User) -> None:
    browser = desk(olga)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (own,) = cursor.fetchone()
    other = connection.copy()
    other.cursor().execute("SELECT pg_terminate_backend(%s)", [own])
    other.close()
    assert browser.get("/admin/board/").status_code == 503
    connection.close()
    assert browser.get("/admin/board/").status_code == 200


def test_who_is_not_known_is_let_through_without_a_question(db: None) -> None:
    with locked("accounts_session"):
        assert Client().get("/healthz").status_code == 200


def test_who_asks_whether_the_process_is_up_needs_no_session(olga: User) -> None:
    browser = desk(olga)
    with locked("accounts_session"):
        assert browser.get("/healthz").status_code == 200


@pytest.mark.parametrize("address", ["/admin/", "/api/v1/shop/orders/", "/healthz"])
def test_a_nul_in_a_cookie_is_malformed(address: str) -> None:
    answer = Client(HTTP_COOKIE='sessionid="\\000aaaaaaaaaaa"').get(address)
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_request")
