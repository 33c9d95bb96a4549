"""The change log is written ahead like every table: what a crash or a failover leaves of a prepared transaction
keeps its lines."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("caching", "0004_installation")]
    operations = [
        migrations.RunSQL("ALTER TABLE caching_change SET LOGGED", "ALTER TABLE caching_change SET UNLOGGED")
    ]
