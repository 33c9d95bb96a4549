"""The function behind VersionTrigger, and the sequence it takes incarnations from."""

from django.db import migrations

FORWARD = """
CREATE SEQUENCE caching_incarnation;

CREATE FUNCTION caching_set_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The low 20 bits count revisions; a row changed a million times starts a new incarnation, so that
    -- the end of an incarnation (version | 0xFFFFF, what a tombstone remembers) is never a live version.
    IF TG_OP = 'INSERT' OR (OLD.version & 1048575) >= 1048574 THEN
        NEW.version := nextval('caching_incarnation') << 20;
    ELSE
        NEW.version := OLD.version + 1;
    END IF;
    RETURN NEW;
END $$;
"""
BACKWARD = """
DROP FUNCTION caching_set_version();
DROP SEQUENCE caching_incarnation;
"""


class Migration(migrations.Migration):
    initial = True
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
