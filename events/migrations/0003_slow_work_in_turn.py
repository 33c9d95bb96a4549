"""Slow work is done in turn: whose it is, whether it needs a long turn, when its owner was served."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0002_waiting_and_leases"),
    ]

    operations = [
        migrations.AddField(
            model_name="outboxevent",
            name="is_long",
            field=models.BooleanField(
                db_default=False, editable=False, help_text="Slow work that was not done within a short turn."
            ),
        ),
        migrations.AddField(
            model_name="outboxevent",
            name="owner",
            field=models.BigIntegerField(
                db_default=0,
                default=0,
                editable=False,
                help_text="Whose turn it is: the user for whom slow work is done, 0 for nobody in particular.",
            ),
        ),
        migrations.AddField(
            model_name="outboxevent",
            name="started_at",
            field=models.DateTimeField(
                editable=False, help_text="When the last attempt at slow work began.", null=True
            ),
        ),
        migrations.AddIndex(
            model_name="outboxevent",
            index=models.Index(
                condition=models.Q(("started_at__isnull", False)),
                fields=["owner", "-started_at"],
                name="events_turns",
            ),
        ),
    ]
