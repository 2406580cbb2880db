"""Several counts in one question, each up to one more than the most that is shown of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import QuerySet


@dataclass(frozen=True)
class Question:
    """How many rows there are, as SQL: nobody waits for an exact million."""

    sql: str
    parameters: tuple[Any, ...] = ()

    @property
    def timeless(self) -> bool:
        """Whether it asks the same later: no moment of a clock is in it."""
        return not any(isinstance(value, date) for value in self.parameters)


def question(rows: QuerySet[Any], limit: int) -> Question:
    """Keys alone: what a row shows need not be worked out to count it."""
    try:
        sql, parameters = rows.order_by().values("pk")[: limit + 1].query.sql_with_params()
    except EmptyResultSet:
        return Question("0")
    return Question(f"(SELECT COUNT(*) FROM ({sql}) AS counted)", tuple(parameters))


def answers(questions: Sequence[Question]) -> list[int]:
    """The counts in the order of the questions; one query for all of them."""
    if not questions:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(one.sql for one in questions)}",
            [value for one in questions for value in one.parameters],
        )
        return list(cursor.fetchone())
