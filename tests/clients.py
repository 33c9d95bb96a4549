"""How do tests call the API, in this process and without its middleware being loaded anew by each client?"""

import functools
from collections.abc import Callable
from typing import Any

from rest_framework.test import APIClient, ForceAuthClientHandler

from accounts.models import User


@functools.cache
def _middleware() -> Callable[[Any], Any]:
    """The application, made once: WhiteNoise looks through all static files when it is."""
    handler = ForceAuthClientHandler(enforce_csrf_checks=False)
    handler.load_middleware()
    return handler._middleware_chain


class ApiClient(APIClient):
    """A client that calls as ``user`` without showing any token, or with the token's key, or as nobody."""

    def __init__(self, user: User | None = None, key: str | None = None) -> None:
        super().__init__(headers={"Authorization": f"Token {key}"} if key else None)
        self.handler._middleware_chain = _middleware()
        if user:
            self.force_authenticate(user)
