"""Timelines are sorted by what PostgreSQL decides, not by clocks."""

from django.db import migrations, models

import events.history

TABLE = "shop_orderstatuschange"
#: No table is rewritten or locked for long: new lines get their numbers from now on, then the lines there are get
#: theirs, in the order in which they were shown and below every number that will be drawn.
STEPS = [
    f"ALTER TABLE {TABLE} ADD COLUMN IF NOT EXISTS sequence bigint",
    f"ALTER TABLE {TABLE} ALTER COLUMN sequence SET DEFAULT nextval('events_outboxevent_id_seq')",
    f"""
    UPDATE {TABLE} AS line SET sequence = -behind
    FROM (SELECT id, row_number() OVER (ORDER BY at DESC, id DESC) AS behind FROM {TABLE}
          WHERE sequence IS NULL) AS lines
    WHERE lines.id = line.id
    """,  # noqa: S608
    f"ALTER TABLE {TABLE} ALTER COLUMN sequence SET NOT NULL",
]


class Migration(migrations.Migration):
    atomic = False
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
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(step, migrations.RunSQL.noop) for step in STEPS[:-1]]
            + [migrations.RunSQL(STEPS[-1], f"ALTER TABLE {TABLE} DROP COLUMN sequence")],
            state_operations=[
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
            ],
        ),
    ]
