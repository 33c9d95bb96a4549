"""The outbox."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="OutboxEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("kind", models.CharField(editable=False, max_length=60, verbose_name="kind")),
                (
                    "subject",
                    models.CharField(db_index=True, editable=False, max_length=20, verbose_name="order"),
                ),
                ("payload", models.JSONField(editable=False, verbose_name="payload")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created")),
                (
                    "due_at",
                    models.DateTimeField(help_text="When the next nudge is due.", verbose_name="next nudge"),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                ("handled_at", models.DateTimeField(null=True, verbose_name="handled")),
                ("parked_at", models.DateTimeField(null=True, verbose_name="parked")),
                ("error", models.TextField(blank=True, verbose_name="last error")),
            ],
            options={
                "verbose_name": "event",
                "verbose_name_plural": "events",
                "ordering": ["-id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("handled_at", None), ("parked_at", None)),
                        fields=["due_at"],
                        name="events_waiting",
                    ),
                    models.Index(
                        condition=models.Q(("parked_at__isnull", False)),
                        fields=["parked_at"],
                        name="events_parked",
                    ),
                    models.Index(
                        condition=models.Q(("handled_at__isnull", False)),
                        fields=["handled_at"],
                        name="events_handled",
                    ),
                ],
            },
        ),
    ]
