"""Is every write, whoever made it and however, in the caches after the next pass, with exact counts?"""

import io
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core import serializers
from django.core.management import call_command
from django.db import connection, transaction

from config import programs
from events.vocabulary import Material, Status, new_number
from mes.models import WorkOrder
from shop.models import Order
from tests.caching.agreement import assert_board_agrees, assert_order_agrees
from tests.caching.relays import SteppedRelay
from tests.caching.servers import database_url
from tests.factories import OrderFactory, UserFactory, WorkOrderFactory

pytestmark = pytest.mark.django_db(transaction=True)
Rows = list[Any]


@pytest.fixture
def tables(transactional_db: None) -> list[Rows]:
    """Three rows of each of the cached tables."""
    client = UserFactory()
    return [
        [OrderFactory(status=Status.SUBMITTED, client=client) for _ in range(3)],
        [WorkOrderFactory() for _ in range(3)],
    ]


def sql(text: str, *params: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(text, params)


def table(rows: Rows) -> str:
    return str(rows[0]._meta.db_table)


def columns(rows: Rows) -> str:
    """What a copy of a row takes from it; PostgreSQL gives the rest."""
    own = {"id", "number", "version", "position"}
    return ", ".join(field.column for field in rows[0]._meta.concrete_fields if field.column not in own)


def by_save(rows: Rows) -> None:
    rows[0].title = "Saved"
    rows[0].save()


def by_update(rows: Rows) -> None:
    type(rows[0]).objects.update(title="All", status=Status.PRICE_CALCULATED)


def by_bulk_create(rows: Rows) -> None:
    first = rows[0]
    own = {"client": first.client} if isinstance(first, Order) else {"model": first.model}
    type(first).objects.bulk_create(
        type(first)(number=new_number("A"), title=f"Bulk {n}", material=Material.BRASS, quantity=1, **own)
        for n in range(30)
    )


def by_bulk_update(rows: Rows) -> None:
    for row in rows:
        row.title = f"{row.title}, again"
    type(rows[0]).objects.bulk_update(rows, ["title"])


def by_upsert(rows: Rows) -> None:
    fresh = type(rows[0]).objects.get(pk=rows[0].pk)
    fresh.pk, fresh.number = None, new_number("A")
    if isinstance(fresh, WorkOrder):
        fresh.position = 10**12
    known = type(rows[0]).objects.get(pk=rows[1].pk)
    known.title = "Upserted"
    known.status = Status.PRICE_CALCULATED
    type(fresh).objects.bulk_create(
        [known, fresh], update_conflicts=True, unique_fields=["number"], update_fields=["title", "status"]
    )


def by_sql_insert(rows: Rows) -> None:
    sql(
        f"INSERT INTO {table(rows)} (number, {columns(rows)})"
        f" SELECT 'A-' || n, {columns(rows)} FROM {table(rows)}, generate_series(1, 5) n WHERE id = %s",
        rows[0].pk,
    )


def by_sql_delete(rows: Rows) -> None:
    sql(f"DELETE FROM {table(rows)} WHERE id = %s", rows[1].pk)


def by_delete_and_insert_of_the_same_row(rows: Rows) -> None:
    row = rows[0]
    with transaction.atomic():
        row.delete()
        row.pk = None
        row.title = "Again"
        row.save(force_insert=True)


def by_change_of_the_key(rows: Rows) -> None:
    change_key(rows[0], "A-OTHER")


def by_change_of_the_primary_key(rows: Rows) -> None:
    sql(f"UPDATE {table(rows)} SET id = id + 1000000, title = 'Moved' WHERE id = %s", rows[0].pk)


def by_merge(rows: Rows) -> None:
    if connection.pg_version < 150000:
        pytest.skip("PostgreSQL has no MERGE before 15")
    sql(
        f"MERGE INTO {table(rows)} t USING (VALUES (%s, 'A-MERGED'), (%s, ''), (%s, '')) s (id, number)"
        " ON t.id = s.id AND s.number = ''"
        f" WHEN NOT MATCHED THEN INSERT (number, {columns(rows)}) VALUES (s.number,"
        f" {', '.join(f'(SELECT {name} FROM {table(rows)} LIMIT 1)' for name in columns(rows).split(', '))})"
        " WHEN MATCHED AND s.id = %s THEN DELETE WHEN MATCHED THEN UPDATE SET title = 'Merged'",
        rows[0].pk, rows[1].pk, rows[2].pk, rows[2].pk,
    )  # fmt: skip


def by_one_statement_that_writes_twice(rows: Rows) -> None:
    sql(
        f"WITH gone AS (DELETE FROM {table(rows)} WHERE id = %s RETURNING 1),"
        f" first AS (UPDATE {table(rows)} SET title = 'First' WHERE id = %s RETURNING 1)"
        f" UPDATE {table(rows)} SET title = 'Second', status = 'PRICE_CALCULATED' WHERE id = %s",
        *(row.pk for row in rows),
    )


def by_copy(rows: Rows) -> None:
    with connection.cursor() as cursor:
        file = io.StringIO()
        names = columns(rows)
        cursor.copy_expert(f"COPY (SELECT 'A-COPIED', {names} FROM {table(rows)} LIMIT 1) TO STDOUT", file)
        file.seek(0)
        cursor.copy_expert(f"COPY {table(rows)} (number, {names}) FROM STDIN", file)


def by_psql(rows: Rows) -> None:
    subprocess.run(
        [programs.find_postgres()[0] / "psql", "-q", database_url()],
        input=f"UPDATE {table(rows)} SET title = 'psql'; DELETE FROM {table(rows)} WHERE id = {rows[2].pk};",
        text=True,
        check=True,
    )


def by_truncate(rows: Rows) -> None:
    sql(f"TRUNCATE {table(rows)} CASCADE")


def by_truncate_among_other_writes(rows: Rows) -> None:
    with transaction.atomic():
        by_update(rows)
        by_truncate(rows)
        by_bulk_create(rows)


def by_a_savepoint_that_was_rolled_back(rows: Rows) -> None:
    with transaction.atomic():
        by_update(rows)
        inner = transaction.savepoint()
        by_sql_delete(rows)
        transaction.savepoint_rollback(inner)


@pytest.mark.parametrize("write", [
    by_save, by_update, by_bulk_create, by_bulk_update, by_upsert, by_sql_insert, by_sql_delete,
    by_delete_and_insert_of_the_same_row, by_change_of_the_key, by_change_of_the_primary_key, by_merge,
    by_one_statement_that_writes_twice, by_copy, by_psql, by_truncate, by_truncate_among_other_writes,
    by_a_savepoint_that_was_rolled_back,
])  # fmt: skip
def test_a_write_is_in_the_caches_after_the_next_pass(
    write: Callable[[Rows], None], tables: list[Rows], stepped_relay: SteppedRelay
) -> None:
    for rows in tables:
        write(rows)
    stepped_relay.settle()
    assert_agreement(tables)


def test_a_key_that_was_changed_and_changed_back_is_shown(
    tables: list[Rows], stepped_relay: SteppedRelay
) -> None:
    for rows in tables:
        by_change_of_the_key(rows)
    stepped_relay.settle()
    for rows in tables:
        change_key(rows[0], rows[0].number)
    stepped_relay.settle()
    assert_agreement(tables)


def test_two_rows_that_swap_their_keys_are_shown_as_they_are(
    tables: list[Rows], stepped_relay: SteppedRelay
) -> None:
    for first, _, third in tables:
        for row, number in ((first, "A-BETWEEN"), (third, first.number), (first, third.number)):
            change_key(row, number)
            stepped_relay.settle()
    assert_agreement(tables)


def test_loaded_fixtures_are_in_the_caches(
    tables: list[Rows], stepped_relay: SteppedRelay, tmp_path: Path
) -> None:
    file = tmp_path / "rows.json"
    file.write_text(serializers.serialize("json", [row for rows in tables for row in rows[:2]]))
    for rows in tables:
        by_sql_delete(rows)
    stepped_relay.settle()
    call_command("loaddata", str(file), verbosity=0)
    stepped_relay.settle()
    assert_agreement(tables)


def test_what_postgresql_cascades_is_in_the_caches(tables: list[Rows], stepped_relay: SteppedRelay) -> None:
    sql("CREATE TABLE test_day (day date PRIMARY KEY)")
    try:
        sql("INSERT INTO test_day VALUES ('2030-01-01'), ('2030-01-02')")
        for rows in tables:
            sql(
                f"ALTER TABLE {table(rows)} ADD CONSTRAINT test_days FOREIGN KEY (due_date)"
                " REFERENCES test_day ON DELETE CASCADE ON UPDATE CASCADE"
            )
            for row, day in zip(rows, ("2030-01-01", "2030-01-02"), strict=False):
                type(row).objects.filter(pk=row.pk).update(due_date=day)
        stepped_relay.settle()
        sql("DELETE FROM test_day WHERE day = '2030-01-01'")
        sql("UPDATE test_day SET day = '2031-01-01'")
        stepped_relay.settle()
        assert [type(rows[0]).objects.count() for rows in tables] == [2, 2]
        assert_agreement(tables)
    finally:
        for rows in tables:
            sql(f"ALTER TABLE {table(rows)} DROP CONSTRAINT IF EXISTS test_days")
        sql("DROP TABLE test_day")


def test_a_transaction_that_commits_after_later_ones_is_not_passed_by(
    tables: list[Rows], stepped_relay: SteppedRelay
) -> None:
    with transaction.atomic():
        for rows in tables:
            sql(f"UPDATE {table(rows)} SET title = 'Long' WHERE id = %s", rows[0].pk)
        for number in range(3):  # the log moves on meanwhile: its ids and transaction numbers are larger
            for rows in tables:
                stepped_relay.do(partial(change_key, rows[1], f"A-LATER{number}"))
            stepped_relay.settle()
    stepped_relay.settle()
    assert_agreement(tables)


def change_key(row: Any, number: str) -> None:
    sql(f"UPDATE {row._meta.db_table} SET number = %s WHERE id = %s", number, row.pk)


def assert_agreement(tables: list[Rows]) -> None:
    assert_board_agrees()
    shown = {row.number for row in tables[0]} | set(Order.objects.values_list("number", flat=True))
    for number in shown:
        assert_order_agrees(number)
