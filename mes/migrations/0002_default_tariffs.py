"""A tariff for each material, so that the first order can be priced; edited in the admin from then on."""

from dataclasses import asdict

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from mes.pricing import DEFAULT_TARIFFS


def insert(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """One row for each material."""
    tariff = apps.get_model("mes", "Tariff")
    tariff.objects.bulk_create(
        [tariff(**asdict(default)) for default in DEFAULT_TARIFFS], ignore_conflicts=True
    )


class Migration(migrations.Migration):
    dependencies = [("mes", "0001_initial")]
    operations = [migrations.RunPython(insert, migrations.RunPython.noop)]
