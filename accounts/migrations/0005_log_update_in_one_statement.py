"""An UPDATE is logged by one statement, whose plan is good for one row and for a million."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import caching.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_touched_by_those_who_come_back"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="apitoken",
            name="log_update",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="session",
            name="log_update",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="apitoken",
            trigger=pgtrigger.compiler.Trigger(
                name="log_update",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'accounts_apitoken', log.* FROM old_rows o FULL JOIN new_rows n ON n.id = o.id CROSS JOIN LATERAL (VALUES (coalesce(n.digest, o.digest), coalesce(n.version, o.version), NULL, NULL), (CASE WHEN n.digest <> o.digest THEN o.digest END, o.version, NULL, NULL)) AS log (key) WHERE log.key IS NOT NULL;",
                    hash="133c1fe84651765a484fe91ff1ef685af3e3a5a3",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_log_update_bbc92",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="accounts_apitoken",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="session",
            trigger=pgtrigger.compiler.Trigger(
                name="log_update",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'accounts_session', log.* FROM old_rows o FULL JOIN new_rows n ON n.session_key = o.session_key CROSS JOIN LATERAL (VALUES (coalesce(n.session_key, o.session_key), coalesce(n.version, o.version), NULL, NULL), (CASE WHEN n.session_key <> o.session_key THEN o.session_key END, o.version, NULL, NULL)) AS log (key) WHERE log.key IS NOT NULL;",
                    hash="708cf73938e0b5d2db5b322c50aad90d45038208",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_log_update_52768",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="accounts_session",
                    when="AFTER",
                ),
            ),
        ),
    ]
