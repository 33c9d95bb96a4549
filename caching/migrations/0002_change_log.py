"""The change log that the triggers write and the relay applies and deletes."""

from django.db import migrations

# UNLOGGED: a crash of PostgreSQL empties it, but it also ends the relay's connection, and a relay that
# connects anew rebuilds every cache. The index on xid keeps a poll cheap over dead rows.
FORWARD = """
CREATE UNLOGGED TABLE caching_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    key text,
    version bigint NOT NULL,
    old_state text,
    new_state text,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE INDEX caching_change_xid ON caching_change (xid);
"""


class Migration(migrations.Migration):
    dependencies = [("caching", "0001_versions")]
    operations = [migrations.RunSQL(FORWARD, "DROP TABLE caching_change")]
