"""Timelines are sorted by what PostgreSQL decides, not by clocks."""

from django.db import migrations, models

import events.history

#: The lines there are, in the order in which they were shown; below every number that will be drawn.
_AS_SHOWN = """
UPDATE shop_orderstatuschange AS line SET sequence = -behind
FROM (SELECT id, row_number() OVER (ORDER BY at DESC, id DESC) AS behind FROM shop_orderstatuschange) AS lines
WHERE lines.id = line.id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0001_initial"),
        ("shop", "0004_log_update_in_one_statement"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="orderstatuschange",
            options={
                "ordering": ["-sequence", "-id"],
                "verbose_name": "status change",
                "verbose_name_plural": "history",
            },
        ),
        migrations.AddField(
            model_name="orderstatuschange",
            name="sequence",
            field=models.BigIntegerField(
                db_default=events.history.NextInSequence(),
                editable=False,
                help_text="Its place in the timeline.",
                verbose_name="sequence",
            ),
        ),
        migrations.RunSQL(_AS_SHOWN, migrations.RunSQL.noop),
    ]
