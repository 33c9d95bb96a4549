"""When an attempt is due, when a nudge is, and since when an event waits for another."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0001_initial"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="outboxevent",
            name="events_waiting",
        ),
        migrations.AddField(
            model_name="outboxevent",
            name="nudge_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                help_text="When the beat sends another nudge.",
                verbose_name="next nudge",
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
        migrations.AlterField(
            model_name="outboxevent",
            name="due_at",
            field=models.DateTimeField(
                db_default=django.db.models.functions.datetime.Now(),
                help_text="No attempt begins before: the end of a pause, or of a lease.",
                verbose_name="next attempt",
            ),
        ),
        migrations.AddIndex(
            model_name="outboxevent",
            index=models.Index(
                condition=models.Q(("handled_at", None), ("parked_at", None)),
                fields=["nudge_at"],
                name="events_waiting",
            ),
        ),
    ]
