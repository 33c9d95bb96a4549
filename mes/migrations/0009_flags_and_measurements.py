"""A work order has flags, each with a code; what was measured of a file is known from then on."""

from django.db import migrations, models

#: The old sentences, by how they read: small ones, and all others.
OLD_FLAGS = """
UPDATE mes_workorder
SET flags = jsonb_build_array(jsonb_build_object(
    'code', CASE WHEN flag LIKE 'Only %' THEN 'tiny' ELSE 'huge' END, 'detail', flag))
WHERE flag <> ''
"""


class Migration(migrations.Migration):
    dependencies = [
        ("mes", "0008_sound_rows"),
    ]

    operations = [
        migrations.CreateModel(
            name="Measurement",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False)),
                (
                    "edition",
                    models.PositiveSmallIntegerField(
                        help_text="``mes.geometry.EDITION`` of the code that measured."
                    ),
                ),
                (
                    "found",
                    models.JSONField(
                        help_text='{"solid": ...} as ``Solid.to_json`` gives it, or {"reason": ...}.'
                    ),
                ),
                ("seconds", models.FloatField(help_text="How long it took by the clock.")),
                ("measured_at", models.DateTimeField(auto_now=True)),
                (
                    "uses",
                    models.PositiveIntegerField(
                        default=1, help_text="How often a price was asked for this file."
                    ),
                ),
            ],
            options={
                "verbose_name": "measurement",
                "verbose_name_plural": "measurements",
            },
        ),
        migrations.AddField(
            model_name="workorder",
            name="flags",
            field=models.JSONField(
                blank=True,
                db_default=models.Value([], models.JSONField()),
                default=list,
                editable=False,
                help_text="What is odd about the model: [{code, detail}].",
                verbose_name="flags",
            ),
        ),
        migrations.RunSQL(OLD_FLAGS, migrations.RunSQL.noop),
        # The release before this one reads the old column while both run: the next drops it.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE mes_workorder ALTER COLUMN flag SET DEFAULT ''",
                    "ALTER TABLE mes_workorder ALTER COLUMN flag DROP DEFAULT",
                )
            ],
            state_operations=[migrations.RemoveField(model_name="workorder", name="flag")],
        ),
    ]
