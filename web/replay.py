"""What was proven need not be said twice: a finished answer is given again for as long as its proofs hold.

The ordinary path notes what its answer rests on (``caching.proofs.Grounds``): a proof of who asked, and
proofs of what was shown. The next such request sends these proofs to Redis in one write. If all hold, the
answer is the same, or 304 to who has it already; if one does not, or anything is out of the ordinary, the
request takes the ordinary path, with the replies that were already had. So no rule of who may see what stands
here: this knows no order, token or role, and decides nothing that the proofs do not say.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from caching import stats
from caching.proofs import GROUNDS, Grounds, Proof
from caching.redis import CacheUnavailable, ask_all, given
from web.conditional import is_known

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

T = TypeVar("T")
Headers = list[tuple[str, str]]

#: Headers an answer may depend on besides who asks; one that names another in Vary isn't kept.
VARYING: Final = ("ACCEPT", "ACCEPT_LANGUAGE", "ACCEPT_ENCODING", "HX_REQUEST", "X_REQUESTED_WITH")
_ADDRESS: Final = (
    "wsgi.url_scheme", "SERVER_NAME", "SERVER_PORT", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "HTTP_HOST",
    "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT", "HTTP_X_FORWARDED_PROTO",
    *(f"HTTP_{name}" for name in VARYING),
)  # fmt: skip
_VARY: Final = {"cookie", "authorization", *(name.lower().replace("_", "-") for name in VARYING)}
#: What a 304 doesn't have of its 200's headers (RFC 9110, 15.4.5).
_OF_THE_BODY: Final = {"content-type", "content-length", "content-encoding"}
#: Bytes that an entry costs besides what it holds.
_OVERHEAD: Final = 2000


@dataclass(frozen=True, slots=True)
class Kept:
    """A finished answer; ``body`` None: only that the client's copy, known by its ETag, still holds."""

    grounds: Grounds
    headers: Headers
    body: bytes | None
    etag: str

    def fits(self, environ: "WSGIEnvironment") -> bool:
        """Whether it can answer this request."""
        return self.body is not None or is_known(self.etag, environ.get("HTTP_IF_NONE_MATCH", ""))

    @property
    def short_headers(self) -> Headers:
        """Those of a 304."""
        return [(name, value) for name, value in self.headers if name.lower() not in _OF_THE_BODY]

    @property
    def size(self) -> int:
        """Bytes of memory it takes, roughly."""
        said = sum(len(name) + len(value) for name, value in self.headers)
        return _OVERHEAD + len(self.body or b"") + said + _size(self.grounds)


class Bounded(Generic[T]):
    """Values by key, of at most so many bytes; the least recently used goes first. Safe among threads."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes, self.bytes = most_bytes, 0
        self._lock = Lock()
        self._values: OrderedDict[Any, tuple[int, T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Any) -> T | None:
        """The value, now the one asked for last; None when there is none."""
        with self._lock:
            if (found := self._values.get(key)) is None:
                return None
            self._values.move_to_end(key)
            return found[1]

    def put(self, key: Any, value: T, size: int) -> None:
        """Keep the value in place of the one that was there, unless it alone would take an eighth of all."""
        if size > self.most_bytes // 8:
            self.drop(key)
            return
        with self._lock:
            before, _value = self._values.pop(key, (0, None))
            self.bytes -= before
            self._values[key] = (size, value)
            self.bytes += size
            while self.bytes > self.most_bytes:
                self.bytes -= self._values.popitem(last=False)[1][0]

    def drop(self, key: Any) -> None:
        """Forget the value."""
        with self._lock:
            size, _value = self._values.pop(key, (0, None))
            self.bytes -= size


class Replay:
    """WSGI middleware, the outermost. ``admit(caller)`` counts a request and says whether it may be
    answered; ``observe(method, view, status, seconds)`` hears of each that was."""

    def __init__(
        self,
        application: "WSGIApplication",
        *,
        most_bytes: int,
        admit: Callable[[str], bool],
        observe: Callable[[str, str, str, float], None],
    ) -> None:
        self.application = application
        self.admit, self.observe = admit, observe
        self._callers: Bounded[Grounds] = Bounded(most_bytes // 4)
        self._answers: Bounded[Kept] = Bounded(most_bytes - most_bytes // 4)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer again what was proven; else, pass the request on and keep its answer."""
        if not _is_plain_read(environ):
            return self.application(environ, start_response)
        began = time.perf_counter()
        credentials, address = _credentials(environ), tuple(map(environ.get, _ADDRESS))
        caller = self._callers.get(credentials)
        kept = self._find(address, caller) if caller else None
        replies: list[tuple[Proof, Any]] = []
        trouble: CacheUnavailable | None = None
        if caller and caller.who and kept and kept.fits(environ):
            proofs = [caller.who, *kept.grounds.what]
            try:
                replies = list(zip(proofs, ask_all([proof.call for proof in proofs]), strict=True))
            except CacheUnavailable as error:
                trouble = error
            if replies and all(proof.holds(reply) for proof, reply in replies) and self._may(caller, kept):
                return self._again(caller, kept, environ, start_response, began)
        with given(((proof.call, proof.in_full(reply)) for proof, reply in replies), trouble):
            return self._ordinary(credentials, address, environ, start_response)

    def _find(self, address: Any, caller: Grounds) -> Kept | None:
        """What was kept for this caller alone, else for all who may see the same."""
        kept = self._answers.get((address, "caller", caller.caller, caller.audience))
        if kept is None:
            kept = self._answers.get((address, "audience", caller.audience))
            if kept is not None and caller.caller in kept.grounds.apart:
                return None
        return kept

    def _may(self, caller: Grounds, kept: Kept) -> bool:
        """Whether neither time is over, and the caller has not asked too often."""
        if time.time() >= min(caller.until, kept.grounds.said_until):
            return False
        return not kept.grounds.is_throttled or self.admit(caller.caller)

    def _again(
        self,
        caller: Grounds,
        kept: Kept,
        environ: "WSGIEnvironment",
        start_response: "StartResponse",
        began: float,
    ) -> list[bytes]:
        """The answer once more, counted as the ordinary path would have."""
        for proof in (caller.who, *kept.grounds.what):
            if proof and proof.cache:
                stats.count(proof.cache, "hit")
        if kept.body is None or is_known(kept.etag, environ.get("HTTP_IF_NONE_MATCH", "")):
            status, headers, body = "304 Not Modified", kept.short_headers, b""
        else:
            status, headers, body = "200 OK", kept.headers, kept.body
        self.observe(environ["REQUEST_METHOD"], kept.grounds.view, status[:3], time.perf_counter() - began)
        start_response(status, list(headers))
        return [body]

    def _ordinary(
        self, credentials: bytes, address: Any, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        grounds = environ[GROUNDS] = Grounds()
        begun: list[Any] = []

        def start(status: str, headers: Headers, *error: Any) -> Any:
            begun[:] = [status, headers]
            return start_response(status, headers, *error)

        answer = self.application(environ, start)
        if not grounds.who or not grounds.what or getattr(answer, "streaming", False):
            return answer
        with closing(answer):  # type: ignore[type-var]  # Django's response: it ends the request
            body = b"".join(answer)
        status, headers = begun
        self._keep(credentials, address, grounds, status, headers, body)
        return [body]

    def _keep(
        self, credentials: bytes, address: Any, grounds: Grounds, status: str, headers: Headers, body: bytes
    ) -> None:
        named = {name.lower(): value for name, value in headers}
        vary = {name.strip().lower() for name in named.get("vary", "").split(",") if name}
        if status[:3] not in ("200", "304") or "set-cookie" in named or "etag" not in named or vary - _VARY:
            return
        kept = Kept(grounds, headers, body if status[:3] == "200" else None, named["etag"])
        who = replace(grounds, what=())
        self._callers.put(credentials, who, _OVERHEAD + _size(who))
        at = sum(len(part) for part in address if part)
        alone = (address, "caller", grounds.caller, grounds.audience)
        if grounds.is_shared and grounds.caller not in grounds.apart:
            self._answers.drop(alone)
            self._answers.put((address, "audience", grounds.audience), kept, at + kept.size)
        else:
            self._answers.put(alone, kept, at + kept.size)


def _is_plain_read(environ: "WSGIEnvironment") -> bool:
    """A GET or HEAD without a body, by one caller: who brings a token and a cookie may be two."""
    return (
        environ["REQUEST_METHOD"] in ("GET", "HEAD")
        and environ.get("CONTENT_LENGTH", "") in ("", "0")
        and "HTTP_TRANSFER_ENCODING" not in environ
        and not ("HTTP_AUTHORIZATION" in environ and "HTTP_COOKIE" in environ)
    )


def _size(grounds: Grounds) -> int:
    """Bytes of what its proofs say and ask."""
    proofs = (*grounds.what, grounds.who) if grounds.who else grounds.what
    said = sum(len(words) for proof in proofs for words in proof.said if isinstance(words, bytes))
    return said + sum(len(proof.call.packed) for proof in proofs) + len(grounds.audience)


def _credentials(environ: "WSGIEnvironment") -> bytes:
    """Equal for requests that carry the same; no secret is kept."""
    said = f"{environ.get('HTTP_AUTHORIZATION')}\0{environ.get('HTTP_COOKIE')}"
    return hashlib.sha256(said.encode("latin-1", "replace")).digest()
