"""A name for this installation, by which its caches are told from another's on the same Redis."""

from django.db import migrations

FORWARD = """
CREATE TABLE caching_installation (token text NOT NULL);
INSERT INTO caching_installation VALUES (left(replace(gen_random_uuid()::text, '-', ''), 8));
"""


class Migration(migrations.Migration):
    dependencies = [("caching", "0003_incarnation_of_a_new_key")]
    operations = [migrations.RunSQL(FORWARD, "DROP TABLE caching_installation")]
