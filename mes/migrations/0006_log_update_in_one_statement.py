"""An UPDATE is logged by one statement, whose plan is good for one row and for a million."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import caching.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("mes", "0005_history_by_time"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="workorder",
            name="log_update",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="workorder",
            trigger=pgtrigger.compiler.Trigger(
                name="log_update",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'mes_workorder', log.* FROM old_rows o FULL JOIN new_rows n ON n.id = o.id CROSS JOIN LATERAL (VALUES (coalesce(n.number, o.number), coalesce(n.version, o.version), o.status, n.status), (CASE WHEN n.number <> o.number THEN o.number END, o.version, NULL, NULL)) AS log (key) WHERE log.key IS NOT NULL;",
                    hash="16f19f03fce71e3b7e38062f93306e1698b00237",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_log_update_488ab",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="mes_workorder",
                    when="AFTER",
                ),
            ),
        ),
    ]
