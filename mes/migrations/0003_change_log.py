"""Every change of a work order is logged for the relay."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import caching.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("caching", "0002_change_log"),
        ("mes", "0002_default_tariffs"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="workorder",
            trigger=pgtrigger.compiler.Trigger(
                name="log_insert",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'mes_workorder', number, version, NULL, status FROM new_rows;",
                    hash="7a0181317205487434abdc22ca16528b854b237c",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_log_insert_431fd",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="mes_workorder",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="workorder",
            trigger=pgtrigger.compiler.Trigger(
                name="log_update",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'mes_workorder', coalesce(n.number, o.number), coalesce(n.version, o.version), o.status, n.status FROM old_rows o FULL JOIN new_rows n ON n.id = o.id; INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'mes_workorder', o.number, o.version, NULL, NULL FROM old_rows o JOIN new_rows n ON n.id = o.id WHERE n.number <> o.number;",
                    hash="5ac87eca3c5797bbc0a9a722b6ebbe5e6edfc840",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_log_update_488ab",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="mes_workorder",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="workorder",
            trigger=pgtrigger.compiler.Trigger(
                name="log_delete",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'mes_workorder', number, version, status, NULL FROM old_rows;",
                    hash="b4ddaf48cff19f416e90a8dbbccf705c2a5dcfed",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_log_delete_98e92",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="mes_workorder",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="workorder",
            trigger=pgtrigger.compiler.Trigger(
                name="log_truncate",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES ('mes_workorder', NULL, 0, NULL, NULL);",
                    hash="1d44d45345742bb8b9c72648a429a4f41a355768",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_log_truncate_8179a",
                    table="mes_workorder",
                    when="AFTER",
                ),
            ),
        ),
    ]
