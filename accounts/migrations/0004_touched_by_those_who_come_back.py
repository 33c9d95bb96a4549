"""Triggers that see a user or group who comes back, who have an old snapshot, and who wait for nobody in vain."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import caching.touching


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_cached_principals"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="apitoken",
            name="owner_lock",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="groupname",
            name="touch_update",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="membership",
            name="touch_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="membership",
            name="touch_update",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="membership",
            name="touch_delete",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="session",
            name="owner_lock",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="user",
            name="touch_update",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="apitoken",
            trigger=pgtrigger.compiler.Trigger(
                name="owner_lock",
                sql=caching.touching.OwnerLockSql(
                    func="IF TG_OP = 'INSERT' OR OLD.user_id IS DISTINCT FROM NEW.user_id THEN PERFORM FROM accounts_user WHERE id = NEW.user_id FOR SHARE; END IF;",
                    hash="486f97f9b8faaf519778e8ee0075f146be7a34bc",
                    operation='INSERT OR UPDATE OF "user_id"',
                    pgid="pgtrigger_owner_lock_a7430",
                    table="accounts_apitoken",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="groupname",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_insert",
                sql=caching.touching.TouchSql(
                    func="owners := ARRAY(SELECT DISTINCT changed.id FROM (SELECT user_id FROM accounts_user_groups WHERE group_id IN (SELECT id FROM new_rows)) AS changed (id)); IF current_setting('transaction_isolation') <> 'read committed' THEN INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES ('accounts_apitoken', NULL, 0, NULL, NULL), ('accounts_session', NULL, 0, NULL, NULL); END IF; IF owners = '{}' THEN RETURN NULL; END IF; PERFORM FROM accounts_user WHERE id = ANY (owners) ORDER BY id FOR NO KEY UPDATE; UPDATE accounts_apitoken SET version = version WHERE user_id = ANY (owners); UPDATE accounts_session SET version = version WHERE user_id = ANY (owners);",
                    hash="dee6c019f1f3a5705161f3bb2c0a47533fcc79aa",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_touch_insert_6cf28",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="auth_group",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="groupname",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_update",
                sql=caching.touching.TouchSql(
                    func="owners := ARRAY(SELECT DISTINCT changed.id FROM (SELECT user_id FROM accounts_user_groups WHERE group_id IN (SELECT id FROM (SELECT id, name FROM new_rows EXCEPT SELECT id, name FROM old_rows) AS rows)) AS changed (id)); IF current_setting('transaction_isolation') <> 'read committed' THEN INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES ('accounts_apitoken', NULL, 0, NULL, NULL), ('accounts_session', NULL, 0, NULL, NULL); END IF; IF owners = '{}' THEN RETURN NULL; END IF; PERFORM FROM accounts_user WHERE id = ANY (owners) ORDER BY id FOR NO KEY UPDATE; UPDATE accounts_apitoken SET version = version WHERE user_id = ANY (owners); UPDATE accounts_session SET version = version WHERE user_id = ANY (owners);",
                    hash="6abf33e50d4762e9c684b5b539c08a1ae81f2dd5",
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
                    func="owners := ARRAY(SELECT DISTINCT changed.id FROM (SELECT user_id FROM new_rows) AS changed (id)); IF current_setting('transaction_isolation') <> 'read committed' THEN INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES ('accounts_apitoken', NULL, 0, NULL, NULL), ('accounts_session', NULL, 0, NULL, NULL); END IF; IF owners = '{}' THEN RETURN NULL; END IF; PERFORM FROM accounts_user WHERE id = ANY (owners) ORDER BY id FOR NO KEY UPDATE; UPDATE accounts_apitoken SET version = version WHERE user_id = ANY (owners); UPDATE accounts_session SET version = version WHERE user_id = ANY (owners);",
                    hash="7c8500c3cc188c4461101727e599cb421e8cc7f1",
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
                    func="owners := ARRAY(SELECT DISTINCT changed.id FROM (SELECT user_id FROM old_rows UNION SELECT user_id FROM new_rows) AS changed (id)); IF current_setting('transaction_isolation') <> 'read committed' THEN INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES ('accounts_apitoken', NULL, 0, NULL, NULL), ('accounts_session', NULL, 0, NULL, NULL); END IF; IF owners = '{}' THEN RETURN NULL; END IF; PERFORM FROM accounts_user WHERE id = ANY (owners) ORDER BY id FOR NO KEY UPDATE; UPDATE accounts_apitoken SET version = version WHERE user_id = ANY (owners); UPDATE accounts_session SET version = version WHERE user_id = ANY (owners);",
                    hash="a5db7dd9f14d974f5f0578265f6d7dc2a289b297",
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
                    func="owners := ARRAY(SELECT DISTINCT changed.id FROM (SELECT user_id FROM old_rows) AS changed (id)); IF current_setting('transaction_isolation') <> 'read committed' THEN INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES ('accounts_apitoken', NULL, 0, NULL, NULL), ('accounts_session', NULL, 0, NULL, NULL); END IF; IF owners = '{}' THEN RETURN NULL; END IF; PERFORM FROM accounts_user WHERE id = ANY (owners) ORDER BY id FOR NO KEY UPDATE; UPDATE accounts_apitoken SET version = version WHERE user_id = ANY (owners); UPDATE accounts_session SET version = version WHERE user_id = ANY (owners);",
                    hash="b4257c797a08025de30aea1d6c9a57f017aa3fc2",
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
            model_name="session",
            trigger=pgtrigger.compiler.Trigger(
                name="owner_lock",
                sql=caching.touching.OwnerLockSql(
                    func="IF TG_OP = 'INSERT' OR OLD.user_id IS DISTINCT FROM NEW.user_id THEN PERFORM FROM accounts_user WHERE id = NEW.user_id FOR SHARE; END IF;",
                    hash="31fa185ee9a3530f13dba13a51e0951876d9a035",
                    operation='INSERT OR UPDATE OF "user_id"',
                    pgid="pgtrigger_owner_lock_ed35f",
                    table="accounts_session",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="user",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_insert",
                sql=caching.touching.TouchSql(
                    func="owners := ARRAY(SELECT DISTINCT changed.id FROM (SELECT id FROM new_rows) AS changed (id)); IF current_setting('transaction_isolation') <> 'read committed' THEN INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES ('accounts_apitoken', NULL, 0, NULL, NULL), ('accounts_session', NULL, 0, NULL, NULL); END IF; IF owners = '{}' THEN RETURN NULL; END IF; PERFORM FROM accounts_user WHERE id = ANY (owners) ORDER BY id FOR NO KEY UPDATE; UPDATE accounts_apitoken SET version = version WHERE user_id = ANY (owners); UPDATE accounts_session SET version = version WHERE user_id = ANY (owners);",
                    hash="c911f7972cb69db3e559da246128f0ca6b9e1b6f",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_touch_insert_4c7ee",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="accounts_user",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="user",
            trigger=pgtrigger.compiler.Trigger(
                name="touch_update",
                sql=caching.touching.TouchSql(
                    func="owners := ARRAY(SELECT DISTINCT changed.id FROM (SELECT id FROM (SELECT id, username, first_name, last_name, email, is_active, is_staff, is_superuser, language, password FROM new_rows EXCEPT SELECT id, username, first_name, last_name, email, is_active, is_staff, is_superuser, language, password FROM old_rows) AS rows) AS changed (id)); IF current_setting('transaction_isolation') <> 'read committed' THEN INSERT INTO caching_change (source, key, version, old_state, new_state) VALUES ('accounts_apitoken', NULL, 0, NULL, NULL), ('accounts_session', NULL, 0, NULL, NULL); END IF; IF owners = '{}' THEN RETURN NULL; END IF; PERFORM FROM accounts_user WHERE id = ANY (owners) ORDER BY id FOR NO KEY UPDATE; UPDATE accounts_apitoken SET version = version WHERE user_id = ANY (owners); UPDATE accounts_session SET version = version WHERE user_id = ANY (owners);",
                    hash="4401ddb9282d64496834c6f8eafe626f9845b723",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_touch_update_db7f3",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="accounts_user",
                    when="AFTER",
                ),
            ),
        ),
    ]
