"""How does an actor call the site so that no killed process, lost connection or busy server stops it?"""

import threading
import time
from dataclasses import dataclass
from typing import Any

import requests

from config.simulation.ledger import Ledger

PATIENCE = 30.0  # seconds an actor goes on trying
TIMEOUT = 10.0  # seconds for one answer
PAUSE = 0.2  # seconds before the next try when the site names none
#: Answers that ask for another try.
_TRY_AGAIN = ("throttled", "overloaded", "idempotency_in_progress")


class Refused(Exception):
    """The site answered no to this step, with this code."""

    def __init__(self, step: str, status: int, code: str, *, repeated: bool) -> None:
        super().__init__(f"{step}: {status} {code}")
        self.code = code
        self.repeated = repeated  # an earlier try may have been carried out


class GaveUp(Exception):
    """No answer in time: what became of the call is unknown."""


@dataclass(frozen=True)
class Caller:
    """One user's way to the API. Not shared among threads."""

    url: str
    token: str
    ledger: Ledger
    stop: threading.Event
    session: requests.Session

    @classmethod
    def of(cls, url: str, token: str, ledger: Ledger, stop: threading.Event) -> "Caller":
        """A caller with a connection of its own."""
        session = requests.Session()
        session.headers["Authorization"] = f"Token {token}"
        return cls(url, token, ledger, stop, session)

    def call(self, step: str, method: str, path: str, **body: Any) -> dict[str, Any]:
        """The answer's JSON; the time until it came, tries included, is noted under ``step``.

        Raises :class:`Refused` or :class:`GaveUp`.
        """
        began, repeated = time.monotonic(), False
        while True:
            response = self._try(method, path, **body)
            if response is not None and _code(response) not in _TRY_AGAIN:
                break
            # A server that fails may have carried it out too: PostgreSQL may die behind its COMMIT.
            repeated = repeated or response is None or response.status_code >= 500
            if time.monotonic() - began > PATIENCE or self.stop.is_set():
                raise GaveUp(step)
            self.stop.wait(
                float(response.headers.get("Retry-After", PAUSE)) if response is not None else PAUSE
            )
        self.ledger.took(step, time.monotonic() - began)
        if response.ok:
            if response.headers.get("Idempotency-Replayed"):
                self.ledger.count("answers replayed")
            answer: dict[str, Any] = response.json() if response.content else {}
            return answer
        raise Refused(step, response.status_code, _code(response), repeated=repeated)

    def move(self, step: str, path: str, action: str, reached: tuple[str, ...], **body: Any) -> None:
        """Take an order's step. When its answer was lost, the order itself tells whether it was taken."""
        try:
            self.call(step, "POST", f"{path}{action}/", **body)
        except Refused as refusal:
            if not refusal.repeated or self.call("look", "GET", path)["status"] not in reached:
                raise

    def _try(self, method: str, path: str, **body: Any) -> requests.Response | None:
        try:
            response = self.session.request(method, f"{self.url}/api/v1/{path}", timeout=TIMEOUT, **body)
        except requests.RequestException as error:
            self.ledger.fail(type(error).__name__)
            return None
        if response.status_code >= 500 or response.status_code == 429:
            self.ledger.fail(f"{response.status_code} {_code(response)}")
        return response


def _code(response: requests.Response) -> str:
    """The problem's code; the media type when it is no problem document, which is a fault of its own."""
    if response.ok:
        return ""
    media_type = response.headers.get("Content-Type", "")
    return str(response.json()["code"]) if media_type == "application/problem+json" else media_type
