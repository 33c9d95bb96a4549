"""A cache of single rows: read through, written through, with a time to live; "not found" is cached too."""

import random
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from caching import stats
from caching.declared import BATCH, Declared, M, OddRow, end_of_life, in_transaction
from caching.load import from_postgresql
from caching.partition import Partition, Token
from caching.proofs import Proof
from caching.redis import Argument, CacheUnavailable, Call, Script, ask, call
from caching.signing import SIGNATURE, key_id, sign, verified
from caching.writing import put_fresh

READ = Script("entity_read")
PUT = Script("entity_put", "entity_row")

# How long a process may take to fill a row before another tries, and how long the others look again.
LOCK_MS: Final = 2000
PATIENCE: Final = 0.5
_pause = threading.Event()


@dataclass(frozen=True, slots=True)
class Found:
    """What a read brought: the payload (None: no such row), whose it is, how it came (Cache-Status), and what
    proves a hit again."""

    payload: bytes | None
    owner: str
    version: int
    status: str
    proof: Proof | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Row:
    """A row as the scripts take it; no payload means that there is no such row, or that nobody can show it,
    and then ``odd`` says why."""

    key: str
    version: int
    owner: str
    payload: bytes | None
    odd: str = ""

    def args(self) -> tuple[Argument, ...]:
        """version, owner, found, payload."""
        found = "odd" if self.odd else int(self.payload is not None)
        return (self.version, self.owner, found, self.payload or b"")


@dataclass(kw_only=True, eq=False)
class EntityCache(Declared[M]):
    """Rows of ``model`` by ``key``, for ``ttl()`` seconds after their last put.

    ``owner`` is the column that says who may see a row: kept beside the payload, checked on every read by
    whoever reads. Payloads that are ``signed`` can't be made by somebody who can write to Redis but lacks the
    SECRET_KEY. Where ``remembers_missing`` is false, keys that don't exist leave nothing in Redis: whoever
    tries keys at random fills no memory.
    """

    owner: str
    ttl: Callable[[], int]
    partition_count: int = 1
    signed: bool = False
    remembers_missing: bool = True

    def _shape(self) -> tuple[Any, ...]:
        return self.owner, self.partition_count, self.remembers_missing, key_id() if self.signed else ""

    @cached_property
    def partitions(self) -> list[Partition]:
        """The partitions of this release; a row's is told by the CRC-32 of its key."""
        tag = self.tag()
        return [Partition(f"{tag}.{number}") for number in range(self.partition_count)]

    def partition_of(self, key: str) -> Partition:
        """Where the row with this key lives."""
        return self.partitions[zlib.crc32(key.encode()) % self.partition_count]

    def partitions_of(self, keys: Iterable[str]) -> list[Partition]:
        """See :class:`Declared`."""
        return list(self._by_partition(keys))

    # -- Reading ------------------------------------------------------------------------------------------

    def read(self, key: str) -> Found:
        """The row with this key, from the cache if it can be trusted, else from PostgreSQL."""
        if in_transaction():
            return self._bypass(key, "transaction")
        try:
            found = self._look(key)
            return self._answer(found, "hit") if found else self._fill(key)
        except CacheUnavailable as trouble:
            return self._bypass(key, trouble.detail)

    def _look(self, key: str, lock: str = "") -> Found | None:
        """A hit, or None for a miss; with ``lock`` also None when this caller is to fill the row.

        Raises ``CacheUnavailable`` when there is no fence, and :class:`_Busy` when another fills the row.
        """
        partition = self.partition_of(key)
        keys = partition.keys("fence", "head", f"row:{key}", f"lock:{key}")
        question = Call(READ, tuple(keys), (lock, LOCK_MS))
        state, epoch, now_us, *row = ask(question)
        partition.learn(epoch, now_us)
        if state == b"hit":
            version, owner, payload = row
            if self.signed and (payload := verified(self._signed_name(key, version, owner), payload)) is None:
                raise CacheUnavailable("forged")
            return Found(payload, owner.decode(), int(version), "hit", self._proof(question, epoch, row))
        if state == b"gone":
            return Found(None, "", int(row[0]), "hit")
        if state == b"no-fence":
            raise CacheUnavailable("no-fence")
        if lock and state == b"miss":
            raise _Busy
        return None

    def _proof(self, question: Call, epoch: bytes, row: list[bytes]) -> Proof:
        """That the row still has this version; so no more than that has to be said again."""
        return Proof(replace(question, known=(b"%b-%b" % (epoch, row[0]),)), tuple(row), self.name)

    def _fill(self, key: str) -> Found:
        """One process reads PostgreSQL and fills; the others look again for a while, then ask it too."""
        deadline = time.monotonic() + PATIENCE
        lock = uuid.uuid4().hex if self.remembers_missing else ""
        while lock and time.monotonic() < deadline:
            try:
                found = self._look(key, lock)
            except _Busy:
                _pause.wait(random.uniform(0.002, 0.02))  # noqa: S311 - jitter
                continue
            if found:
                return self._answer(found, "hit")
            break
        row, trouble = from_postgresql((self.name, "fill", key), lambda: self._read_and_put(key, lock))
        return self._answer(row, "fwd=uri-miss" if trouble else "fwd=uri-miss; stored")

    def _read_and_put(self, key: str, lock: str) -> tuple[Row, CacheUnavailable | None]:
        partition = self.partition_of(key)

        def put(token: Token, row: Row) -> Any:
            if row.payload is None and not self.remembers_missing:
                raise CacheUnavailable("unknown")
            return self._put(partition, token, [row], lock)

        return put_fresh(partition, read=lambda: self._row(key), put=put)

    def _bypass(self, key: str, why: str) -> Found:
        row = from_postgresql((self.name, "bypass", key), lambda: self._row(key), share=why != "transaction")
        return self._answer(row, f"fwd=bypass; detail={why}")

    def _answer(self, found: "Found | Row", how: str) -> Found:
        stats.count(self.name, how.split(";")[0].removeprefix("fwd=").replace("uri-miss", "miss"))
        if isinstance(found, Found):
            return replace(found, status=f"{self.status_name}; {how}")
        payload = found.payload
        if self.signed and payload is not None:
            payload = payload[SIGNATURE:]
        return Found(payload, found.owner, found.version, f"{self.status_name}; {how}")

    def _row(self, key: str) -> Row:
        """The committed row, or that there is none."""
        row = self.current([key]).get(key)
        return self._render(row) if row is not None else Row(key, 0, "", None)

    def _render(self, row: M) -> Row:
        values: Any = row
        with self.naming(row):
            key, owner, payload = getattr(row, self.key), str(getattr(row, self.owner)), self.payload(row)
        if self.signed:
            payload = sign(self._signed_name(key, values.version, owner.encode()), payload)
        return Row(key, values.version, owner, payload)

    def _signed_name(self, key: str, version: bytes | int, owner: bytes) -> bytes:
        """What a signature vouches for besides the payload, so that it fits no other row."""
        number = version if isinstance(version, bytes) else str(version).encode()
        return b"\0".join((self.name.encode(), key.encode(), number, owner))

    # -- Writing ------------------------------------------------------------------------------------------

    def operations(self, versions: Mapping[str, int]) -> list[Row]:
        """The committed rows with these keys; one that is gone comes as its tombstone, and one that can't be
        rendered as that: it takes nothing from the others.

        ``versions`` gives for each key a version of the row's last known incarnation.
        """
        rows = self.current(versions)
        return [
            self._operation(rows[key]) if key in rows else Row(key, end_of_life(version), "", None)
            for key, version in versions.items()
        ]

    def _operation(self, row: M) -> Row:
        try:
            return self._render(row)
        except OddRow as odd:
            return Row(getattr(row, self.key), row.version, "", None, str(odd))  # type: ignore[attr-defined]

    def write_through(self, versions: Mapping[str, int]) -> None:
        """Read the committed rows and put them. Raises ``CacheUnavailable`` if they were not put."""
        for partition, keys in self._by_partition(versions).items():
            self._write_through(partition, {key: versions[key] for key in keys})

    def _write_through(self, partition: Partition, versions: Mapping[str, int]) -> None:
        if partition.token() is None:
            self._ask(partition)
        if partition.token() is not None:  # else no relay has begun this partition: nothing to put into
            _rows, trouble = put_fresh(
                partition,
                read=lambda: self.operations(versions),
                put=lambda token, rows: self._put(partition, token, rows),
            )
            if trouble:
                raise trouble

    def _by_partition(self, keys: Iterable[str]) -> dict[Partition, list[str]]:
        grouped: dict[Partition, list[str]] = {}
        for key in keys:
            grouped.setdefault(self.partition_of(key), []).append(key)
        return grouped

    def _ask(self, partition: Partition) -> None:
        """Learn epoch and clock by reading a row that can't be there."""
        _state, epoch, now_us, *_row = call(
            READ, partition.keys("fence", "head", "row:", "lock:"), ("", LOCK_MS)
        )
        partition.learn(epoch, now_us)

    def _put(self, partition: Partition, token: Token, rows: list[Row], lock: str = "") -> Any:
        reply: Any = None
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            keys = partition.keys("head", f"lock:{batch[0].key}", *(f"row:{row.key}" for row in batch))
            args: list[Argument] = [token.epoch, token.deadline_us, lock, self.ttl() * 1000]
            for row in batch:
                args.extend(row.args())
            reply = call(PUT, keys, args)
        return reply


class _Busy(Exception):
    """Another process is filling this row."""
