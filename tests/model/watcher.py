"""What would everybody be shown right now? Asked after every step, by the reading scripts themselves."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from caching.board import COUNTS, PAGE
from caching.entity import READ, Found
from caching.facets import decode_position
from tests.model.items import KEYS, VIEWS, declare, is_complete
from tests.model.promise import Promise, Window
from tests.model.valkey import Servers

Place = tuple[str, int, int]  # server, number of the view, limit
# (number of the view, limit): all of each view, and a first page that has a second.
_PAGES = tuple((view, limit) for view in range(len(VIEWS)) for limit in (1, 10))


class Watcher:
    """Somebody who polls every row, every first page and the counts, and keeps each page by its ETag."""

    def __init__(self, servers: Servers, promise: Promise) -> None:
        self._servers, self._promise = servers, promise
        self._cache, self._board = declare()
        self._kept: dict[Place, list[Any]] = {}
        #: How many hits of each kind were judged.
        self.hits: Counter[str] = Counter()

    def watch(self, server: str, window: Window) -> None:
        """Look at everything on one server."""
        places = [(server, *page) for page in _PAGES]
        board = self._board.partition
        calls: list[Any] = [
            (READ, self._cache.partition_of(key).keys("fence", "head", f"row:{key}", "lock"), ("", 1))
            for key in KEYS
        ]
        calls.append((COUNTS, board.keys("fence", "head", "counts", "index"), ()))
        for place in places:
            args = (self._view(place), "", place[2], int(is_complete(VIEWS[place[1]])), self._etag(place))
            calls.append((PAGE, board.keys("fence", "head", "rows", "index", "gens"), args))
        replies = self._servers.look(server, calls)
        for key, reply in zip(KEYS, replies, strict=False):
            self._row(key, reply, window)
        self._counts(replies[len(KEYS)], window)
        for place, reply in zip(places, replies[len(KEYS) + 1 :], strict=True):
            self._page(place, reply, window)

    def _view(self, place: Place) -> str:
        return self._board.facets.view(VIEWS[place[1]])

    def _etag(self, place: Place) -> bytes:
        etag: bytes = self._kept[place][0] if place in self._kept else b""
        return etag

    def _row(self, key: str, reply: list[Any], window: Window) -> None:
        state = reply[0]
        if state in (b"hit", b"gone"):
            version, owner, payload = reply[3:]
            found = Found(payload if state == b"hit" else None, owner.decode(), int(version), "hit")
            self._promise.row(key, found, window)
            self.hits["rows"] += 1

    def _counts(self, reply: list[Any], window: Window) -> None:
        if reply[0] == b"hit":
            self._promise.counts(json.loads(reply[3]), window)
            self.hits["counts"] += 1

    def _page(self, place: Place, reply: list[Any], window: Window) -> None:
        state = reply[0]
        if state == b"hit":
            self._kept[place] = reply[3:]
        elif state != b"same":
            return
        _etag, count, last, rows = self._kept[place]
        filters: Mapping[str, str] = VIEWS[place[1]]
        end = decode_position(last.decode()) if last else None
        self._promise.page(filters, None, end, json.loads(b"[" + rows + b"]"), window)
        self.hits["pages"] += 1
        if count >= 0:
            self._promise.count(filters, count, window)
