"""The client is told what is odd about the model."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("shop", "0006_sound_rows"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
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
    ]
