"""What if PostgreSQL dies in the middle of a statement, and psycopg2 says only that it is a DatabaseError?"""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, ProgrammingError, connection, connections

from accounts.models import User
from caching.lost import is_lost
from caching.relay import Relay
from tests.caching.relays import all_fences_stand
from tests.clients import ApiClient
from tests.threads import in_background, until

LOST = "server closed the connection unexpectedly"


class LosesOnce:
    """PostgreSQL is lost at the first statement that contains these words."""

    def __init__(self, words: str) -> None:
        self.words, self.done = words, threading.Event()

    def __call__(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if self.words in sql and not self.done.is_set():
            self.done.set()
            connection.connection.close()
            raise DatabaseError(LOST)
        return execute(sql, *rest)


@pytest.mark.django_db(transaction=True)
def test_the_relay_leads_again() -> None:
    loses, stop = LosesOnce("caching_change"), threading.Event()

    def run() -> None:
        try:
            with connection.execute_wrapper(loses):
                Relay().run(stop)
        finally:
            connections.close_all()

    relay = in_background(run)
    assert loses.done.wait(20)
    until(all_fences_stand)
    assert not relay.done()
    stop.set()
    relay.result(20)


@pytest.mark.django_db(transaction=True)
def test_a_request_is_answered_503(alice: User) -> None:
    client = ApiClient(alice)
    with connection.execute_wrapper(LosesOnce("shop_order")):
        answer = client.get("/api/v1/shop/orders/")
    assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
    connection.close()
    assert client.get("/api/v1/shop/orders/").status_code == 200


def test_a_wrong_statement_is_no_loss() -> None:
    assert is_lost(DatabaseError(LOST))
    assert not is_lost(ProgrammingError("no such column"))
