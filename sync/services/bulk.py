"""Different values for many rows in one statement.

Django's `bulk_update` builds a CASE with a branch for every row and spends most of a batch's time
on it; PostgreSQL joins two arrays instead.
"""

from collections.abc import Mapping

from django.db import connection, models
from psycopg import sql


def point(model: type[models.Model], field: str, targets: Mapping[int, int | None]) -> None:
    """Set a foreign key of many rows: row's primary key `id` → the other row's primary key."""
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
