"""Both ways to an answer: the ordinary path alone, and with what was proven given again in front of it."""

import gzip
import io
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.core.wsgi import get_wsgi_application

from config.content_type import readable_content_type
from config.throttling import admit
from web.replay import Replay


@dataclass(frozen=True)
class Answer:
    """What came over the wire."""

    status: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def __getitem__(self, name: str) -> str:
        return next((value for header, value in self.headers if header.lower() == name.lower()), "")


@cache
def ordinary() -> Any:
    """The site without replay: made once, for WhiteNoise looks through all static files when it is."""
    return readable_content_type(get_wsgi_application())


@dataclass
class Site:
    """The site with replay, and what it has answered by replay."""

    most_bytes: int = 2**26
    replayed: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.replay = Replay(
            ordinary(),
            most_bytes=self.most_bytes,
            admit=admit,
            observe=lambda method, view, status, _seconds: self.replayed.append((method, view, status)),
        )

    def ask(self, address: str, method: str = "GET", **headers: str) -> Answer:
        """The answer with replay."""
        return ask(self.replay, address, method, **headers)

    def is_replayed(self, address: str, method: str = "GET", **headers: str) -> bool:
        """Whether this request is answered by replay."""
        before = len(self.replayed)
        self.ask(address, method, **headers)
        return len(self.replayed) > before


def ask(application: Any, address: str, method: str = "GET", **headers: str) -> Answer:
    """Call a WSGI application; ``headers`` as keywords, such as ``if_none_match``."""
    path, _, query = address.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "SERVER_NAME": "testserver",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "SCRIPT_NAME": "",
        "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO(), "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0), "wsgi.multithread": True, "wsgi.multiprocess": True, "wsgi.run_once": False,
        **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
    }  # fmt: skip
    begun: list[Any] = []
    answer = application(environ, lambda status, headers, *error: begun.extend((status, headers)))
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    status, named = begun
    if ("Content-Encoding", "gzip") in named:  # with a name of random length in its head (BREACH)
        body, named = gzip.decompress(body), [one for one in named if one[0] != "Content-Length"]
    # Expires tells the time of day, to the second.
    return Answer(status, tuple(sorted(one for one in named if one[0] != "Expires")), body)
