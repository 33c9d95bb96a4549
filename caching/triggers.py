"""Which triggers a cached table carries: declared beside its model, doing what ``save()`` can't promise."""

from collections.abc import Iterable
from typing import Any

import pgtrigger
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models
from pgtrigger import compiler
from pgtrigger.core import INSTALLED


class CallSql(compiler.UpsertTriggerSql):
    """A trigger that calls a function of ours, made by this app's migrations.

    pgtrigger's own wrapper adds an exception block to each row, and ``SET pgtrigger.ignore`` would let
    anybody silence it.
    """

    def get_template(self) -> str:
        """The SQL that installs the trigger; see ``UpsertTriggerSql.get_template``."""
        return """
            DROP TRIGGER IF EXISTS {pgid} ON {table};
            CREATE TRIGGER {pgid}
                {when} {operation} ON {table}
                {referencing}
                FOR EACH {level}{condition}
                EXECUTE FUNCTION {execute};
            COMMENT ON TRIGGER {pgid} ON {table} IS '{hash}';
        """


class LogSql(CallSql):
    """A trigger with a function of its own, in which the table's columns are spelled out."""

    def get_template(self) -> str:
        """The function, then the trigger."""
        return """
            CREATE OR REPLACE FUNCTION {pgid}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                {func}
                RETURN NULL;
            END $$;
        """ + super().get_template()


class CallTrigger(pgtrigger.Trigger):
    """A trigger of :class:`CallSql`; ``function`` is the call, arguments included."""

    sql_class: type[CallSql] = CallSql
    function = ""

    def compile(self, model: Any) -> compiler.Trigger:
        """The trigger as migrations record it."""
        return compiler.Trigger(
            name=self.name,
            sql=self.sql_class(
                pgid=self.get_pgid(model),
                func=self.sql(model),
                table=model._meta.db_table,
                when=self.when,
                operation=self.operation,
                referencing=self.referencing or "",
                level=self.level,
                condition=f" WHEN ({self.condition.sql})" if self.condition else "",
                execute=self.function or f"{self.get_pgid(model)}()",
            ),
        )

    def sql(self, model: Any) -> str:
        """The body of the trigger's own function, if it has one."""
        return ""


class VersionTrigger(CallTrigger):
    """Keeps the column ``version``: (incarnation, revision) packed in one bigint.

    A new row gets a new incarnation, an update the next revision under the row lock, so a version only
    goes forward, also for an id that is deleted and comes back, and whoever writes: ORM, bulk or psql.
    """

    name = "version"
    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update
    function = "caching_set_version()"


class KeyTrigger(CallTrigger):
    """Gives a row that changes its key a new incarnation: what a cache remembers under either key, such as
    the tombstone of the old one, is older. By its name it fires after :class:`VersionTrigger`."""

    name = "version_of_new_key"
    when = pgtrigger.Before
    operation = pgtrigger.Update
    function = "caching_begin_incarnation()"

    def __init__(self, *, key: str) -> None:
        super().__init__(condition=pgtrigger.Condition(f"OLD.{key} <> NEW.{key}"))


class LogTrigger(CallTrigger):
    """Logs every change of a table into ``caching_change``, a statement at a time, for the relay.

    ``key`` is the column a cache knows the row by, ``state`` the one the relay counts by ('' = none). A row
    whose key was changed is logged under both keys.
    """

    sql_class = LogSql
    when = pgtrigger.After
    level = pgtrigger.Statement
    _INTO = "INSERT INTO caching_change (source, key, version, old_state, new_state)"

    def __init__(self, operation: Any, *, key: str, state: str) -> None:
        self.key, self.state = key, state
        tables = {"old": "old_rows", "new": "new_rows"}
        if str(operation) == "INSERT":
            del tables["old"]
        elif str(operation) == "DELETE":
            del tables["new"]
        referencing = pgtrigger.Referencing(**tables)  # type: ignore[no-untyped-call]
        super().__init__(name=f"log_{str(operation).lower()}", operation=operation, referencing=referencing)

    def sql(self, model: Any) -> str:
        """The statement that logs, with this table's columns."""
        names = {
            "into": self._INTO,
            "table": model._meta.db_table,
            "pk": model._meta.pk.column,
            "key": self.key,
            "state": self.state or "NULL",
            "old_state": f"o.{self.state}" if self.state else "NULL",
            "new_state": f"n.{self.state}" if self.state else "NULL",
        }
        if str(self.operation) == "INSERT":
            text = "{into} SELECT '{table}', {key}, version, NULL, {state} FROM new_rows;"
        elif str(self.operation) == "DELETE":
            text = "{into} SELECT '{table}', {key}, version, {state}, NULL FROM old_rows;"
        else:
            # plpgsql keeps the plan it made for one row; a FULL JOIN is never a nested loop.
            text = (
                "{into} SELECT '{table}', log.* FROM old_rows o FULL JOIN new_rows n ON n.{pk} = o.{pk}"
                " CROSS JOIN LATERAL (VALUES"
                " (coalesce(n.{key}, o.{key}), coalesce(n.version, o.version), {old_state}, {new_state}),"
                " (CASE WHEN n.{key} <> o.{key} THEN o.{key} END, o.version, NULL, NULL)"
                ") AS log (key) WHERE log.key IS NOT NULL;"
            )
        return text.format(**names)


class LogTruncate(CallTrigger):
    """Logs a TRUNCATE as one change without a key: everything may have gone."""

    sql_class = LogSql
    name = "log_truncate"
    when = pgtrigger.After
    operation = pgtrigger.Truncate
    level = pgtrigger.Statement

    def sql(self, model: Any) -> str:
        """The statement that logs."""
        return f"{LogTrigger._INTO} VALUES ('{model._meta.db_table}', NULL, 0, NULL, NULL);"


def cached_table(*, key: str, state: str = "") -> list[pgtrigger.Trigger]:
    """The triggers of a table that a cache shows, for ``Meta.triggers``; a board needs its ``state``."""
    return [
        VersionTrigger(),
        KeyTrigger(key=key),
        LogTrigger(pgtrigger.Insert, key=key, state=state),
        LogTrigger(pgtrigger.Update, key=key, state=state),
        LogTrigger(pgtrigger.Delete, key=key, state=state),
        LogTruncate(),
    ]


def version_field(**kwargs: Any) -> "models.BigIntegerField[int, int]":
    """The column :class:`VersionTrigger` keeps. After ``save()`` of an existing row, refresh it."""
    return models.BigIntegerField(editable=False, db_default=0, **kwargs)


def verify_triggers(tables: Iterable[type[models.Model]]) -> None:
    """Raise ``ImproperlyConfigured`` if a trigger of these tables is missing, changed or disabled: without
    it a change could pass the relay by, and the caches would lie."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW session_replication_role")
        if cursor.fetchone()[0] == "replica":
            raise ImproperlyConfigured(
                "session_replication_role is replica here, so triggers don't fire: set it to origin for this"
                " database and role."
            )
    wanted = set(tables)
    registered: list[Any] = pgtrigger.registered()
    for model, trigger in registered:
        if model in wanted:
            status, enabled = trigger.get_installation_status(model)
            if status != INSTALLED or not enabled:
                fault = "DISABLED" if status == INSTALLED else status
                raise ImproperlyConfigured(
                    f"Trigger {trigger.name!r} of {model._meta.db_table} is {fault}:"
                    " run `manage.py migrate`, or `manage.py pgtrigger enable`."
                )
