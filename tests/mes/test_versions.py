"""Does the version of an order grow with every write, whoever writes and however, in both contexts?"""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, models

from mes.models import WorkOrder
from shop.models import Order
from tests.factories import OrderFactory, WorkOrderFactory

pytestmark = pytest.mark.django_db

INCARNATION = 1 << 20


def by_save(row: models.Model) -> None:
    row.save()


def by_save_of_some_fields(row: models.Model) -> None:
    row.save(update_fields=["title"])


def by_update(row: models.Model) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(title="Other")


def by_update_that_names_a_version(row: models.Model) -> None:
    type(row)._default_manager.filter(pk=row.pk).update(version=5)


def by_bulk_update(row: models.Model) -> None:
    type(row)._default_manager.bulk_update([row], ["title"])


def by_upsert(row: models.Model) -> None:
    type(row)._default_manager.bulk_create(
        [row], update_conflicts=True, unique_fields=["id"], update_fields=["title"]
    )


def by_sql(row: models.Model) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {row._meta.db_table} SET quantity = quantity WHERE id = %s", [row.pk])


WRITES = [
    by_save,
    by_save_of_some_fields,
    by_update,
    by_update_that_names_a_version,
    by_bulk_update,
    by_upsert,
]


@pytest.fixture(params=[OrderFactory, WorkOrderFactory], ids=["shop", "mes"])
def row(request: pytest.FixtureRequest, db: None) -> Any:
    return stored(request.param())


def stored(row: Any) -> Any:
    return type(row).objects.get(pk=row.pk)


@pytest.mark.parametrize("write", [*WRITES, by_sql], ids=lambda write: write.__name__)
def test_a_write_grows_the_version_by_one(write: Callable[[models.Model], None], row: Any) -> None:
    write(stored(row))
    assert stored(row).version == row.version + 1
    write(stored(row))
    assert stored(row).version == row.version + 2


def test_each_row_of_one_statement_grows(row: Any) -> None:
    other = stored(OrderFactory() if isinstance(row, Order) else WorkOrderFactory())
    type(row).objects.update(quantity=7)
    assert (stored(row).version, stored(other).version) == (row.version + 1, other.version + 1)


def test_rows_made_in_bulk_have_versions_of_their_own(row: Any) -> None:
    if isinstance(row, WorkOrder):
        made = WorkOrderFactory.build_batch(3)
    else:
        made = OrderFactory.build_batch(3, client=row.client)
    type(row).objects.bulk_create(made)
    versions = set(type(row).objects.values_list("version", flat=True))
    assert len(versions) == 4
    assert all(version % INCARNATION == 0 for version in versions)


def test_a_row_that_comes_back_under_its_id_is_newer_than_it_ever_was(row: Any) -> None:
    for _ in range(3):
        by_sql(row)
    last = stored(row).version
    row.delete()
    returned = type(row)(
        **{field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    )
    returned.pk = row.pk or returned.pk
    returned.save(force_insert=True)
    # Newer also than the tombstone of its life before, which remembers the end of that incarnation.
    assert stored(returned).version > last | (INCARNATION - 1)


def test_the_millionth_change_begins_a_new_incarnation(row: Any) -> None:
    table = row._meta.db_table
    almost = row.version | (INCARNATION - 3)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # no triggers
        cursor.execute(f"UPDATE {table} SET version = %s WHERE id = %s", [almost, row.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")

    by_sql(row)
    assert stored(row).version == almost + 1
    by_sql(row)
    assert stored(row).version > row.version | (INCARNATION - 1)
    assert stored(row).version % INCARNATION == 0


def test_a_save_does_not_know_its_version_until_it_is_refreshed(row: Any) -> None:
    """What services rely on: they refresh before they publish."""
    row.save()
    assert row.version < stored(row).version
    row.refresh_from_db(fields=["version"])
    assert row.version == stored(row).version
