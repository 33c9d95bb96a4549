"""An UPDATE is logged by one statement, whose plan is good for one row and for a million."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import caching.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("shop", "0003_incarnation_of_a_new_key"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="order",
            name="log_update",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="order",
            trigger=pgtrigger.compiler.Trigger(
                name="log_update",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'shop_order', log.* FROM old_rows o FULL JOIN new_rows n ON n.id = o.id CROSS JOIN LATERAL (VALUES (coalesce(n.number, o.number), coalesce(n.version, o.version), o.status, n.status), (CASE WHEN n.number <> o.number THEN o.number END, o.version, NULL, NULL)) AS log (key) WHERE log.key IS NOT NULL;",
                    hash="c95ed02d72c9d3f7addde2dcbc72b2c1c13d7945",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_log_update_70b0d",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="shop_order",
                    when="AFTER",
                ),
            ),
        ),
    ]
