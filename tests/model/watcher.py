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
    """Somebody who polls every row, each first page and the counts, and keeps all by what proves it again."""

    def __init__(self, servers: Servers, promise: Promise) -> None:
        self._servers, self._promise = servers, promise
        self._cache, self._board = declare()
        self._kept_rows: dict[tuple[str, str], tuple[bytes, list[Any]]] = {}  # what proves it, and the row
        self._kept: dict[Place, list[Any]] = {}  # from the ETag on: etag, behind, count, last, page
        self._kept_counts: dict[str, list[Any]] = {}  # by server: etag, counts, as of, rows of each view
        #: How many hits of each kind were judged.
        self.hits: Counter[str] = Counter()

    def watch(self, server: str, window: Window) -> None:
        """Look at everything on one server."""
        places = [(server, *page) for page in _PAGES]
        board = self._board.partition
        calls: list[Any] = [
            (
                READ,
                self._cache.partition_of(key).keys("fence", "head", f"row:{key}", "lock"),
                ("", 1, self._kept_rows.get((server, key), (b"",))[0]),
            )
            for key in KEYS
        ]
        views = [self._board.facets.view(filters) for filters in VIEWS]
        for etag in (b"", self._kept_counts.get(server, [b""])[0]):
            args = (len(views), *views, etag)
            calls.append((COUNTS, board.keys("fence", "head", "counts", "index", "gens"), args))
        for place in places:
            filters = VIEWS[place[1]]
            known = self._kept.get(place, [b"", b""])[:2]
            asked = (self._board.facets.view(filters), "", place[2], int(is_complete(filters)))
            calls.append((PAGE, board.keys("fence", "head", "rows", "index", "gens"), (*asked, *known)))
        replies = self._servers.look(server, calls)
        for key, reply in zip(KEYS, replies, strict=False):
            self._row(server, key, reply, window)
        fresh, again = replies[len(KEYS) : len(KEYS) + 2]
        self._counts(server, fresh, again, window)
        for place, reply in zip(places, replies[len(KEYS) + 2 :], strict=True):
            self._page(place, reply, window)

    def _row(self, server: str, key: str, reply: list[Any], window: Window) -> None:
        state, epoch, _now, *row = reply
        if state == b"same":
            row = self._kept_rows[server, key][1]
            self.hits["rows proven"] += 1
        elif state == b"hit":
            self._kept_rows[server, key] = b"%b-%b" % (epoch, row[0]), row
        if state in (b"hit", b"gone", b"same"):
            version, owner, payload = row
            found = Found(payload, owner.decode(), int(version), "hit")
            if state == b"gone":
                found = Found(None, "", int(version), "hit")
            self._promise.row(key, found, window)
            self.hits["rows"] += 1

    def _counts(self, server: str, fresh: list[Any], reply: list[Any], window: Window) -> None:
        """What somebody new is told, and somebody who has counts already."""
        if fresh[0] == b"hit":
            self._judge_counts(fresh[3:], window)
            self._promise.as_of(int(fresh[5]), window)
            self.hits["counts"] += 1
        if reply[0] == b"hit":
            self._kept_counts[server] = reply[3:]
        elif reply[0] == b"same":
            kept = self._kept_counts[server]
            self._judge_counts(kept, window)
            self._promise.same(_without_time(kept), _without_time(fresh[3:]), window)
            self.hits["counts proven"] += 1

    def _judge_counts(self, shown: list[Any], window: Window) -> None:
        _etag, counts, _as_of, *held = shown
        self._promise.counts(json.loads(counts), window)
        for filters, count in zip(VIEWS, held, strict=True):
            if is_complete(filters):  # of others the cache may have as few as it likes
                self._promise.count(filters, count, window)

    def _page(self, place: Place, reply: list[Any], window: Window) -> None:
        state = reply[0]
        if state == b"hit":
            self._kept[place] = reply[3:]
        elif state == b"same":
            self._kept[place][:2] = reply[3:]
        else:
            return
        _etag, _behind, count, last, rows = self._kept[place]
        filters: Mapping[str, str] = VIEWS[place[1]]
        end = decode_position(last.decode()) if last else None
        self._promise.page(filters, None, end, json.loads(b"[" + rows + b"]"), window)
        self.hits["pages"] += 1
        self.hits["pages proven"] += state == b"same"
        if count >= 0:
            self._promise.count(filters, count, window)


def _without_time(counts: list[Any]) -> list[Any]:
    """Counts but for as_of, which an ETag doesn't vouch for."""
    return counts[:2] + counts[3:]
