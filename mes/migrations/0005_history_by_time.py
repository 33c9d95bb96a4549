"""The dashboard reads the timelines by time."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mes", "0004_incarnation_of_a_new_key"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="workorderstatuschange",
            index=models.Index(fields=["at"], name="mes_history_at"),
        ),
    ]
