"""A work order that changes its number begins a new incarnation."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import caching.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("caching", "0003_incarnation_of_a_new_key"),
        ("mes", "0003_change_log"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="workorder",
            trigger=pgtrigger.compiler.Trigger(
                name="version_of_new_key",
                sql=caching.triggers.CallSql(
                    condition=" WHEN (OLD.number <> NEW.number)",
                    execute="caching_begin_incarnation()",
                    func="",
                    hash="eea360f582b48bd3df7834db5ae06e00824bc598",
                    operation="UPDATE",
                    pgid="pgtrigger_version_of_new_key_f2474",
                    table="mes_workorder",
                    when="BEFORE",
                ),
            ),
        ),
    ]
