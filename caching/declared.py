"""What every cache declares: whose rows it shows, under which key, rendered how."""

import hashlib
import inspect
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar, cast

from django.db import connection
from django.db.models import Model, QuerySet

from caching.dependencies import Dependency
from caching.lines import installation
from caching.partition import Partition

M = TypeVar("M", bound=Model)
_to_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

#: Rows one script puts at most: 500 made readers wait 17-44 ms, 100 cost them nothing.
BATCH = 100
#: The low bits of a version count revisions; all set, they name the end of the incarnation.
REVISION_BITS = 0xFFFFF
#: Raise when the meaning of a key in Redis changes: rows of two protocols never meet.
PROTOCOL = 2


def end_of_life(version: int) -> int:
    """The version of a tombstone: nothing of this incarnation of the row is newer."""
    return version | REVISION_BITS


class OddRow(Exception):
    """The row with this key can't be shown, and why."""

    def __init__(self, field: str, key: str, error: Exception) -> None:
        super().__init__(f"{field} {key!r}: {type(error).__name__}: {error}")
        self.key = key


@dataclass(kw_only=True, eq=False)
class Declared(Generic[M]):
    """What :class:`EntityCache` and :class:`BoardCache` have in common.

    ``name`` is its own in Redis and in commands, ``status_name`` in Cache-Status; ``key`` is a unique text
    column; ``render`` makes the payload from the row alone, JSON-ready. What is read of a row are its
    ``columns``, as a tuple with these names: a model's instance would cost three times as much to make.
    Without ``columns`` it is an instance.

    Columns of a row that this one points to (``user__username``), and ``annotations`` of such, may be shown
    if ``depends_on`` names their tables: triggers there give this row a new version when they change.
    """

    registry: ClassVar[list["Declared[Any]"]] = []

    name: str
    status_name: str
    model: type[M]
    key: str
    render: Callable[[M], Mapping[str, Any]]
    columns: tuple[str, ...] = ()
    annotations: Callable[[], Mapping[str, Any]] = dict
    depends_on: tuple[Dependency, ...] = ()
    #: Raise it when a payload comes out differently, though ``render`` itself has not changed.
    payload_version: int = 1

    def __post_init__(self) -> None:
        self.registry.append(self)

    def fingerprint(self) -> str:
        """Of all that decides where a row lives, what is kept and how it looks: what differs in any of it
        never shares rows. How it looks: ``render``'s own source, and ``payload_version`` for what that calls.
        """
        shape = (PROTOCOL, inspect.getsource(self.render), self.payload_version, self.key, self.columns)
        return hashlib.sha256(repr((shape, self._shape())).encode()).hexdigest()[:8]

    def _shape(self) -> tuple[Any, ...]:
        """What else of the declaration decides that."""
        return ()

    def tag(self) -> str:
        """The first part of its partitions' names: another installation has another."""
        return f"{self.name}.{installation()}.{self.fingerprint()}"

    def rows(self) -> QuerySet[M]:
        """All rows, as ``render`` takes them."""
        rows: QuerySet[M] = self.model._default_manager.all()
        if not self.columns:
            return rows
        tuples: Any = rows.annotate(**self.annotations()).values_list(*self.columns, named=True)
        return cast("QuerySet[M]", tuples)

    @property
    def partitions(self) -> list[Partition]:
        """All partitions of this release."""
        raise NotImplementedError

    @property
    def models(self) -> list[type[Model]]:
        """Whose triggers must stand: the cached rows' own, and those of rows they depend on."""
        return [self.model, *(dependency.model for dependency in self.depends_on)]

    def partitions_of(self, keys: Iterable[str]) -> list[Partition]:
        """Those where rows with these keys live."""
        raise NotImplementedError

    def write_through(self, versions: Mapping[str, int]) -> None:
        """Read the committed rows with these keys and put them; ``versions`` gives for each a version of
        its row's last known incarnation. Raises ``CacheUnavailable`` if they were not put, unless no relay
        has begun: then there is nothing to put into."""
        raise NotImplementedError

    def current(self, keys: Iterable[str]) -> dict[str, M]:
        """The committed rows with these keys."""
        found = self.rows().filter(**{f"{self.key}__in": list(keys)})
        return {getattr(row, self.key): row for row in found}

    @contextmanager
    def naming(self, row: M) -> Iterator[None]:
        """What goes wrong in this block is said to be this row's fault (:class:`OddRow`)."""
        try:
            yield
        except Exception as error:
            raise OddRow(self.key, getattr(row, self.key), error) from error

    def payload(self, row: M) -> bytes:
        """The row rendered once, at write time: JSON, UTF-8."""
        return _to_json(self.render(row)).encode()


def caches_of(model: type[Model]) -> list[Declared[Any]]:
    """The caches that show rows of this model."""
    return [cache for cache in Declared.registry if cache.model is model]


def in_transaction() -> bool:
    """Whether a read now would see a snapshot that nobody else shares: it may neither hit nor fill."""
    return connection.in_atomic_block
