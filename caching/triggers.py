"""Which triggers a cached table carries: declared beside its model, doing what `save()` can't promise."""

from typing import Any

import pgtrigger
from django.db import models
from pgtrigger import compiler


class CallSql(compiler.UpsertTriggerSql):
    """A trigger that calls a function of ours.

    pgtrigger's own wrapper adds an exception block to each row, and ``SET pgtrigger.ignore`` would let
    anybody silence it. The function is made by this app's migrations and shared by every table.
    """

    def get_template(self) -> str:
        """The SQL that installs the trigger; see ``UpsertTriggerSql.get_template``."""
        return """
            DROP TRIGGER IF EXISTS {pgid} ON {table};
            CREATE TRIGGER {pgid}
                {when} {operation} ON {table}
                {referencing}
                FOR EACH {level}
                EXECUTE FUNCTION {execute};
            COMMENT ON TRIGGER {pgid} ON {table} IS '{hash}';
        """


class CallTrigger(pgtrigger.Trigger):
    """A trigger of :class:`CallSql`; ``function`` is the call, arguments included."""

    function: str

    def compile(self, model: Any) -> compiler.Trigger:
        """The trigger as migrations record it."""
        return compiler.Trigger(
            name=self.name,
            sql=CallSql(
                pgid=self.get_pgid(model),
                func="",
                table=model._meta.db_table,
                when=self.when,
                operation=self.operation,
                referencing=self.referencing or "",
                level=self.level,
                execute=self.function,
            ),
        )


class VersionTrigger(CallTrigger):
    """Keeps the column ``version``: (incarnation, revision) packed in one bigint.

    A new row gets a new incarnation, an update the next revision under the row lock, so a version only
    goes forward, also for an id that is deleted and comes back, and whoever writes: ORM, bulk or psql.
    """

    name = "version"
    when = pgtrigger.Before
    operation = pgtrigger.Insert | pgtrigger.Update
    function = "caching_set_version()"


def version_field(**kwargs: Any) -> "models.BigIntegerField[int, int]":
    """The column :class:`VersionTrigger` keeps. After ``save()`` of an existing row, refresh it."""
    return models.BigIntegerField(editable=False, db_default=0, **kwargs)
