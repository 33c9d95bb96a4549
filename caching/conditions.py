"""What must be so in PostgreSQL and in Redis, that a fence may be trusted? Looked at before each renewal.

Triggers log what is written, so they must be there and enabled, with nothing rewritten behind their backs;
each new row has a larger version than any before, so no session may keep numbers of the sequence for itself;
a row that Redis remembers is not to be forgotten before its time, so it must not evict.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models import Model

from caching.redis import relay_connection

#: Per table: its file, its columns, its triggers and their functions. What alters one of them writes its row
#: anew (xmin); what rewrites the table gives it another file.
_CATALOG = """
SELECT pg_backend_pid(), (SELECT seqcache FROM pg_sequence WHERE seqrelid = 'caching_incarnation'::regclass),
    (SELECT json_object_agg(relname, concat_ws(' ', relfilenode, (
        SELECT string_agg(concat_ws(':', attname, xmin), ',' ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0), (
        SELECT string_agg(concat_ws(':', t.oid, t.tgenabled, t.xmin, f.xmin), ',' ORDER BY t.oid)
        FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid WHERE t.tgrelid = c.oid)))
     FROM pg_class c WHERE c.oid = ANY(%s::regclass[]::oid[]))
"""


@dataclass(frozen=True)
class Conditions:
    """How it is now: the server's process that answers, and for each table a text that changes when the table
    or one of its triggers is altered."""

    backend: int
    tables: dict[str, str]

    def of(self, models: Iterable[type[Model]]) -> tuple[str | None, ...]:
        """What concerns these tables, and the change log."""
        names = ["caching_change", *(model._meta.db_table for model in models)]
        return tuple(self.tables.get(name) for name in names)


def look(models: Iterable[type[Model]]) -> Conditions:
    """How it is. Raises ``ImproperlyConfigured`` where no fence may be trusted, and redis-py's errors."""
    names = {"caching_change", *(model._meta.db_table for model in models)}
    with connection.cursor() as cursor:
        cursor.execute(_CATALOG, [sorted(connection.ops.quote_name(name) for name in names)])
        backend, cached, tables = cursor.fetchone()
    if cached != 1:
        raise ImproperlyConfigured(
            f"The sequence caching_incarnation has CACHE {cached}, so a later row may get a smaller version:"
            " ALTER SEQUENCE caching_incarnation CACHE 1, then restart what keeps numbers: web and workers."
        )
    memory: Any = relay_connection().info("memory")
    if (policy := memory.get("maxmemory_policy", "noeviction")) != "noeviction":
        raise ImproperlyConfigured(
            f"Redis has maxmemory-policy {policy}, so it may forget what must be remembered: set noeviction."
        )
    return Conditions(backend, tables)
