"""Every change of an order is logged for the relay."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import caching.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("caching", "0002_change_log"),
        ("shop", "0001_initial"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="order",
            trigger=pgtrigger.compiler.Trigger(
                name="log_insert",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'shop_order', number, version, NULL, status FROM new_rows;",
                    hash="d90109b1501707aff92bbfbf307397052a231db1",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_log_insert_cdd62",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="shop_order",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="order",
            trigger=pgtrigger.compiler.Trigger(
                name="log_update",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'shop_order', coalesce(n.number, o.number), coalesce(n.version, o.version), o.status, n.status FROM old_rows o FULL JOIN new_rows n ON n.id = o.id; INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'shop_order', o.number, o.version, NULL, NULL FROM old_rows o JOIN new_rows n ON n.id = o.id WHERE n.number <> o.number;",
                    hash="7c1177ab9791c82cac2dd883ae92a4ba70575638",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_log_update_70b0d",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="shop_order",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="order",
            trigger=pgtrigger.compiler.Trigger(
                name="log_delete",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'shop_order', number, version, status, NULL FROM old_rows;",
                    hash="72aa4dd9cbe0f2365bc1ffc505f77691fba64f63",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_log_delete_6416f",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="shop_order",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="order",
            trigger=pgtrigger.compiler.Trigger(
                name="log_truncate",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES ('shop_order', NULL, 0, NULL, NULL);",
                    hash="d299231567069fe1ed37799cf2eb4d87ffb9b315",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_log_truncate_dc987",
                    table="shop_order",
                    when="AFTER",
                ),
            ),
        ),
    ]
