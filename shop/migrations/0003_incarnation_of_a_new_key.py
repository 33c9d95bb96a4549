"""An order that changes its number begins a new incarnation."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import caching.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("caching", "0003_incarnation_of_a_new_key"),
        ("shop", "0002_change_log"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="order",
            trigger=pgtrigger.compiler.Trigger(
                name="version_of_new_key",
                sql=caching.triggers.CallSql(
                    condition=" WHEN (OLD.number <> NEW.number)",
                    execute="caching_begin_incarnation()",
                    func="",
                    hash="81a253a290fdead677e450fcc8160c6f5abd4a32",
                    operation="UPDATE",
                    pgid="pgtrigger_version_of_new_key_6a353",
                    table="shop_order",
                    when="BEFORE",
                ),
            ),
        ),
    ]
