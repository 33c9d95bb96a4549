"""The function behind KeyTrigger."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION caching_begin_incarnation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := nextval('caching_incarnation') << 20;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("caching", "0002_change_log")]
    operations = [migrations.RunSQL(FORWARD, "DROP FUNCTION caching_begin_incarnation()")]
