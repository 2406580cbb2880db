"""Many rows in one statement, where composing it is what takes the time."""

import json
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from django.db import connection, models
from psycopg import sql


def point(model: type[models.Model], field: str, targets: Mapping[int, int | None]) -> None:
    """Set a foreign key of many rows: row's primary key `id` → the other row's primary key.

    Django's `bulk_update` builds a CASE with a branch for every row and spends most of a batch's
    time on it; PostgreSQL joins two arrays instead.
    """
    if not targets:
        return
    statement = sql.SQL(
        "UPDATE {table} SET {column} = given.target"
        " FROM unnest(%s::bigint[], %s::bigint[]) AS given(pk, target)"
        " WHERE {table}.{key} = given.pk"
    ).format(
        table=sql.Identifier(model._meta.db_table),
        column=sql.Identifier(f"{field}_id"),
        key=sql.Identifier("id"),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [list(targets), list(targets.values())])


def insert(rows: Sequence[models.Model], *, ignore_conflicts: bool = False) -> None:
    """Insert many new rows of one model in one statement, as one JSON document.

    Django's `bulk_create` gives each column as an array, in which psycopg escapes every JSON value
    twice over, or, for a model with an array column, each value as a parameter of its own: more
    work than all that PostgreSQL does with them. Here PostgreSQL's own input functions read one
    text. Rows get their primary keys, in the given order, unless `ignore_conflicts`: then rows
    that are there already stay as they are, and none gets a key, as with `bulk_create`.
    """
    if not rows:
        return
    meta = type(rows[0])._meta
    columns = {
        field.column: field
        for field in meta.local_concrete_fields
        if field.column and not field.primary_key
    }
    document = [
        {name: _plain(field.pre_save(row, add=True)) for name, field in columns.items()}
        for row in rows
    ]
    statement = sql.SQL(
        "INSERT INTO {table} ({columns})"
        " SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s) {ending}"
    ).format(
        table=sql.Identifier(meta.db_table),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        ending=sql.SQL("ON CONFLICT DO NOTHING" if ignore_conflicts else "RETURNING id"),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [json.dumps(document)])
        if ignore_conflicts:
            return
        for row, (key,) in zip(rows, cursor.fetchall(), strict=True):
            row.pk = key
            row._state.adding, row._state.db = False, connection.alias


def _plain(value: object) -> object:
    """What PostgreSQL's input functions read: amounts and times as text, the rest as it is."""
    return str(value) if isinstance(value, Decimal | date) else value
