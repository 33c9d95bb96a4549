"""When an attempt may begin (after a pause, or a lease), and since when an event waits for another."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="outboxevent",
            name="attempt_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                help_text="No attempt begins before: the end of a pause, or of a lease.",
                verbose_name="next attempt",
            ),
        ),
        migrations.AddField(
            model_name="outboxevent",
            name="waiting_since",
            field=models.DateTimeField(
                help_text="When it was first found too early to handle it.",
                null=True,
                verbose_name="waiting since",
            ),
        ),
    ]
