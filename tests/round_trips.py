"""What does something send to the caches' Redis?"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django_redis import get_redis_connection
from redis.connection import AbstractConnection


@contextmanager
def round_trips(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    """What this thread sends to the caches' Redis, not to the broker's; a pipeline is sent at once."""
    sent: list[object] = []
    number = get_redis_connection("default").connection_pool.connection_kwargs["db"]
    send, here = AbstractConnection.send_packed_command, threading.get_ident()

    def count(self: AbstractConnection, command: object, *args: object, **kwargs: object) -> None:
        if threading.get_ident() == here and self.db == number:
            sent.append(command)
        send(self, command, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(AbstractConnection, "send_packed_command", count)
        yield sent
