"""Who may have the caches rebuilt: a permission of its own."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_users_and_tokens"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="user",
            options={
                "permissions": [("rebuild_caches", "Can have the caches rebuilt")],
                "verbose_name": "user",
                "verbose_name_plural": "users",
            },
        ),
    ]
