"""A member of staff at a browser, for the tests of the admin's pages."""

from django.contrib.messages import get_messages
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User


def desk(user: User) -> Client:
    """The browser of somebody who may enter the admin, logged in."""
    User.objects.filter(pk=user.pk).update(is_staff=True)
    user.refresh_from_db()
    browser = Client(HTTP_ACCEPT_LANGUAGE="en")
    browser.force_login(user)
    return browser


def cookie(browser: Client) -> str:
    """The Cookie header that the browser would send."""
    return "; ".join(f"{name}={one.value}" for name, one in browser.cookies.items())


def told(answer: HttpResponse) -> list[str]:
    """The messages the answer left for the next page."""
    return [str(message) for message in get_messages(answer.wsgi_request)]


def queries_of(browser: Client, address: str) -> int:
    """How many queries the page takes, once the browser has been there before; none of them counts rows."""
    browser.get(address)
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(address).status_code == 200
    assert not [query for query in queries if "COUNT(" in query["sql"]]
    return len(queries)
