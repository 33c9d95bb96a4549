"""Where sessions are kept: in PostgreSQL, read through the cache, under the digest of the cookie's value."""

import hashlib
import json
import time
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from accounts.caches import SESSIONS
from accounts.models import Session
from caching.proofs import Proof

_in_a_thread: Any = sync_to_async


class SessionStore(DatabaseStore):
    """Django's store in a table of ours; Django finds it by this name in SESSION_ENGINE."""

    #: Who the session says its user is; None: nobody.
    principal: dict[str, Any] | None = None
    #: What proves that, and until when (seconds since 1970).
    proof: Proof | None = None
    until = 0.0

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Our table."""
        return Session

    def load(self) -> dict[str, Any]:
        """What the session holds; nothing if there is none, or its time is over."""
        found = SESSIONS.read(self._digest(self.session_key))
        session = json.loads(found.payload) if found.payload is not None else None
        if session is None or session["expires_at"] <= time.time():
            self._session_key = None
            return {}
        self.principal, self.proof, self.until = session["user"], found.proof, session["expires_at"]
        return self.decode(session["data"])

    def exists(self, session_key: str) -> bool:
        """Whether a session has this key."""
        return Session.objects.filter(session_key=self._digest(session_key)).exists()

    def create(self) -> None:
        """Begin anew, under 160 random bits that nobody has: CreateError says that the user is gone. Django
        would take that for a key that is taken, and try another, for ever."""
        self._session_key = self._get_new_session_key()  # type: ignore[attr-defined]
        self.save(must_create=True)
        self.modified = True

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row of what the session holds now."""
        return Session(
            session_key=self._digest(self._get_or_create_session_key()),  # type: ignore[attr-defined]
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            user_id=data.get("_auth_user_id"),
        )

    def delete(self, session_key: str | None = None) -> None:
        """End the session, for good: in the caches its end is remembered."""
        session_key = session_key or self.session_key
        if session_key is not None:
            Session.objects.filter(session_key=self._digest(session_key)).delete()

    # Django's own asynchronous ones would ask their table, past all of this.
    aload = _in_a_thread(load)
    aexists = _in_a_thread(exists)
    acreate = _in_a_thread(create)
    acreate_model_instance = _in_a_thread(create_model_instance)
    asave = _in_a_thread(DatabaseStore.save)
    adelete = _in_a_thread(delete)

    @staticmethod
    def _digest(session_key: str | None) -> str:
        return hashlib.sha256((session_key or "").encode()).hexdigest()
