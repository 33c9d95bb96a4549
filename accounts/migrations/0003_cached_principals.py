"""Tokens and sessions become cached rows, touched when their user, its roles or a role's name changes."""

import django.contrib.auth.models
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import caching.touching
import caching.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_rebuild_permission"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("caching", "0003_incarnation_of_a_new_key"),
    ]

    operations = [
        migrations.CreateModel(
            name="Session",
            fields=[
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                (
                    "session_key",
                    models.CharField(max_length=64, primary_key=True, serialize=False),
                ),
                ("version", models.BigIntegerField(db_default=0, editable=False)),
            ],
            options={
                "verbose_name": "session",
                "verbose_name_plural": "sessions",
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="GroupName",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("auth.group",),
            managers=[
                ("objects", django.contrib.auth.models.GroupManager()),
            ],
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[],
            options={
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("accounts.user_groups",),
        ),
        migrations.AddField(
            model_name="apitoken",
            name="version",
            field=models.BigIntegerField(db_default=0, editable=False),
        ),
        migrations.RunSQL(
            "UPDATE accounts_apitoken SET version = nextval('caching_incarnation') << 20",
            migrations.RunSQL.noop,
        ),
        # Django's own table of sessions, with the cookies' values in clear: everybody logs in again.
        migrations.RunSQL("DROP TABLE IF EXISTS django_session", migrations.RunSQL.noop),
        pgtrigger.migrations.AddTrigger(
            model_name="apitoken",
            trigger=pgtrigger.compiler.Trigger(
                name="version",
                sql=caching.triggers.CallSql(
                    execute="caching_set_version()",
                    func="",
                    hash="f3be127564fb2b13b5f1c861299e427f7f7c1919",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_version_cc0f7",
                    table="accounts_apitoken",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="apitoken",
            trigger=pgtrigger.compiler.Trigger(
                name="version_of_new_key",
                sql=caching.triggers.CallSql(
                    condition=" WHEN (OLD.digest <> NEW.digest)",
                    execute="caching_begin_incarnation()",
                    func="",
                    hash="3346f41d7fe03ea733ae09d94a2c434bca69464d",
                    operation="UPDATE",
                    pgid="pgtrigger_version_of_new_key_5ecab",
                    table="accounts_apitoken",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="apitoken",
            trigger=pgtrigger.compiler.Trigger(
                name="log_insert",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'accounts_apitoken', digest, version, NULL, NULL FROM new_rows;",
                    hash="0503052e1da781d4cac6e76ac66d3c5cec3afb16",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_log_insert_3344b",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="accounts_apitoken",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="apitoken",
            trigger=pgtrigger.compiler.Trigger(
                name="log_update",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'accounts_apitoken', coalesce(n.digest, o.digest), coalesce(n.version, o.version), NULL, NULL FROM old_rows o FULL JOIN new_rows n ON n.id = o.id; INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'accounts_apitoken', o.digest, o.version, NULL, NULL FROM old_rows o JOIN new_rows n ON n.id = o.id WHERE n.digest <> o.digest;",
                    hash="4c02622a7efe502424907fea0fcfdc93b0a6a8a4",
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
            model_name="apitoken",
            trigger=pgtrigger.compiler.Trigger(
                name="log_delete",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'accounts_apitoken', digest, version, NULL, NULL FROM old_rows;",
                    hash="8bd60a90ca7d26f2d80598c39e2cb949a567c9ac",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_log_delete_7d6b8",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="accounts_apitoken",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="apitoken",
            trigger=pgtrigger.compiler.Trigger(
                name="log_truncate",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES ('accounts_apitoken', NULL, 0, NULL, NULL);",
                    hash="fc7fdae4990747b1aebcc7e337ae3595092281ca",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_log_truncate_01910",
                    table="accounts_apitoken",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="apitoken",
            trigger=pgtrigger.compiler.Trigger(
                name="owner_lock",
                sql=caching.touching.OwnerLockSql(
                    func="PERFORM FROM accounts_user WHERE id = NEW.user_id FOR SHARE;",
                    hash="f9de787fce7e9501cd8d032ab301a6c19bab27c9",
                    operation='INSERT OR UPDATE OF "user_id"',
                    pgid="pgtrigger_owner_lock_a7430",
                    table="accounts_apitoken",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="user",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_update",
                sql=caching.touching.TouchSql(
                    func="owners := ARRAY(SELECT DISTINCT changed.id FROM (SELECT id FROM (SELECT id, username, first_name, last_name, email, is_active, is_staff, is_superuser, language, password FROM new_rows EXCEPT SELECT id, username, first_name, last_name, email, is_active, is_staff, is_superuser, language, password FROM old_rows) AS rows) AS changed (id)); IF owners = '{}' THEN RETURN NULL; END IF; IF current_setting('transaction_isolation') <> 'read committed' THEN INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES ('accounts_apitoken', NULL, 0, NULL, NULL), ('accounts_session', NULL, 0, NULL, NULL); END IF; PERFORM FROM accounts_user WHERE id = ANY (owners) ORDER BY id FOR NO KEY UPDATE; UPDATE accounts_apitoken SET version = version WHERE user_id = ANY (owners); UPDATE accounts_session SET version = version WHERE user_id = ANY (owners);",
                    hash="02144a58bb79d5d86dac78f13001e3ff24be7360",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_update_db7f3",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="accounts_user",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="session",
            name="user",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="sessions",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="groupname",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_update",
                sql=caching.touching.TouchSql(
                    func="owners := ARRAY(SELECT DISTINCT changed.id FROM (SELECT user_id FROM accounts_user_groups WHERE group_id IN (SELECT id FROM (SELECT id, name FROM new_rows EXCEPT SELECT id, name FROM old_rows) AS rows)) AS changed (id)); IF owners = '{}' THEN RETURN NULL; END IF; IF current_setting('transaction_isolation') <> 'read committed' THEN INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES ('accounts_apitoken', NULL, 0, NULL, NULL), ('accounts_session', NULL, 0, NULL, NULL); END IF; PERFORM FROM accounts_user WHERE id = ANY (owners) ORDER BY id FOR NO KEY UPDATE; UPDATE accounts_apitoken SET version = version WHERE user_id = ANY (owners); UPDATE accounts_session SET version = version WHERE user_id = ANY (owners);",
                    hash="3aec921b658fc83f315e3c67c5dbd63947d5fc88",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_update_9e65e",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="auth_group",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="membership",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_insert",
                sql=caching.touching.TouchSql(
                    func="owners := ARRAY(SELECT DISTINCT changed.id FROM (SELECT user_id FROM new_rows) AS changed (id)); IF owners = '{}' THEN RETURN NULL; END IF; IF current_setting('transaction_isolation') <> 'read committed' THEN INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES ('accounts_apitoken', NULL, 0, NULL, NULL), ('accounts_session', NULL, 0, NULL, NULL); END IF; PERFORM FROM accounts_user WHERE id = ANY (owners) ORDER BY id FOR NO KEY UPDATE; UPDATE accounts_apitoken SET version = version WHERE user_id = ANY (owners); UPDATE accounts_session SET version = version WHERE user_id = ANY (owners);",
                    hash="7f352ca8933bc4bfc8cf19a3aca8394a28af2946",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_touch_insert_45c35",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="accounts_user_groups",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="membership",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_update",
                sql=caching.touching.TouchSql(
                    func="owners := ARRAY(SELECT DISTINCT changed.id FROM (SELECT user_id FROM old_rows UNION SELECT user_id FROM new_rows) AS changed (id)); IF owners = '{}' THEN RETURN NULL; END IF; IF current_setting('transaction_isolation') <> 'read committed' THEN INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES ('accounts_apitoken', NULL, 0, NULL, NULL), ('accounts_session', NULL, 0, NULL, NULL); END IF; PERFORM FROM accounts_user WHERE id = ANY (owners) ORDER BY id FOR NO KEY UPDATE; UPDATE accounts_apitoken SET version = version WHERE user_id = ANY (owners); UPDATE accounts_session SET version = version WHERE user_id = ANY (owners);",
                    hash="49e00bae0716206c4507a858d7cd4e4c4e0dcc0d",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_update_ee308",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="accounts_user_groups",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="membership",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_delete",
                sql=caching.touching.TouchSql(
                    func="owners := ARRAY(SELECT DISTINCT changed.id FROM (SELECT user_id FROM old_rows) AS changed (id)); IF owners = '{}' THEN RETURN NULL; END IF; IF current_setting('transaction_isolation') <> 'read committed' THEN INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES ('accounts_apitoken', NULL, 0, NULL, NULL), ('accounts_session', NULL, 0, NULL, NULL); END IF; PERFORM FROM accounts_user WHERE id = ANY (owners) ORDER BY id FOR NO KEY UPDATE; UPDATE accounts_apitoken SET version = version WHERE user_id = ANY (owners); UPDATE accounts_session SET version = version WHERE user_id = ANY (owners);",
                    hash="8f9d79b53f88a36f7235c5189cd10d03164ceeea",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_touch_delete_3a4bd",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="accounts_user_groups",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="membership",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_truncate",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES ('accounts_apitoken', NULL, 0, NULL, NULL), ('accounts_session', NULL, 0, NULL, NULL);",
                    hash="412438097c129e4549d826533c65ec00da838f10",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_touch_truncate_a714e",
                    table="accounts_user_groups",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="session",
            trigger=pgtrigger.compiler.Trigger(
                name="version",
                sql=caching.triggers.CallSql(
                    execute="caching_set_version()",
                    func="",
                    hash="83b35f7981644f36d8ca75d7f77530674f9939a4",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_version_d3950",
                    table="accounts_session",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="session",
            trigger=pgtrigger.compiler.Trigger(
                name="version_of_new_key",
                sql=caching.triggers.CallSql(
                    condition=" WHEN (OLD.session_key <> NEW.session_key)",
                    execute="caching_begin_incarnation()",
                    func="",
                    hash="483a3f3679025a02b6a8ddb5bd778090a52739ca",
                    operation="UPDATE",
                    pgid="pgtrigger_version_of_new_key_291be",
                    table="accounts_session",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="session",
            trigger=pgtrigger.compiler.Trigger(
                name="log_insert",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'accounts_session', session_key, version, NULL, NULL FROM new_rows;",
                    hash="963bfa2101d27a152df63cce91bc74c374df6975",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_log_insert_dc711",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="accounts_session",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="session",
            trigger=pgtrigger.compiler.Trigger(
                name="log_update",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'accounts_session', coalesce(n.session_key, o.session_key), coalesce(n.version, o.version), NULL, NULL FROM old_rows o FULL JOIN new_rows n ON n.session_key = o.session_key; INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'accounts_session', o.session_key, o.version, NULL, NULL FROM old_rows o JOIN new_rows n ON n.session_key = o.session_key WHERE n.session_key <> o.session_key;",
                    hash="9a6c5f00a2377475c3ceb17dac56ebd518fd0c81",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_log_update_52768",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="accounts_session",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="session",
            trigger=pgtrigger.compiler.Trigger(
                name="log_delete",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) SELECT 'accounts_session', session_key, version, NULL, NULL FROM old_rows;",
                    hash="f002ba39579612251ec94f94357dfde11e7c349e",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_log_delete_6a921",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="accounts_session",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="session",
            trigger=pgtrigger.compiler.Trigger(
                name="log_truncate",
                sql=caching.triggers.LogSql(
                    func="INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES ('accounts_session', NULL, 0, NULL, NULL);",
                    hash="d240dd04bb4b9e027f80ea300059651554e471b0",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_log_truncate_53c14",
                    table="accounts_session",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="session",
            trigger=pgtrigger.compiler.Trigger(
                name="owner_lock",
                sql=caching.touching.OwnerLockSql(
                    func="PERFORM FROM accounts_user WHERE id = NEW.user_id FOR SHARE;",
                    hash="175a18faae33b8d1e11cfa44b30444963299d13a",
                    operation='INSERT OR UPDATE OF "user_id"',
                    pgid="pgtrigger_owner_lock_ed35f",
                    table="accounts_session",
                    when="BEFORE",
                ),
            ),
        ),
    ]
