"""What waits for a person, and what it holds up."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import (
    Case,
    Count,
    DecimalField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Now

from mkterp.core.models import AuditEntry
from sync.domain.cases import CaseKind
from sync.models import (
    ExceptionCase,
    Invoice,
)

MONEY: "DecimalField[Any, Any]" = DecimalField(max_digits=18, decimal_places=4)


def cases() -> QuerySet[ExceptionCase]:
    """Cases with the orders and money each blocks now; open ones first by their priority.

    `blocked_orders` and `blocked_money` (company currency) are counted now, for the rows shown,
    and nothing once a case is closed; `held_orders`, `held_money` and `priority` are as last
    weighed, at most a minute ago.
    """
    blocking = (
        Invoice.objects.filter(cases=OuterRef("pk"))
        .exclude(state__in=[Invoice.State.POSTED, Invoice.State.CANCELLED])
        .order_by()
        .values("cases")
    )
    many = Subquery(blocking.annotate(many=Count("pk")).values("many"))
    money = Subquery(blocking.annotate(sum=Sum("gross")).values("sum"), output_field=MONEY)
    is_open, nothing = Q(state=ExceptionCase.State.OPEN), Value(Decimal(0))
    return (
        ExceptionCase.objects.select_related("assigned_to", "listing", "seller", "closed_by")
        .annotate(
            blocked_orders=Coalesce(Case(When(is_open, then=many)), Value(0)),
            blocked_money=Coalesce(
                Case(When(is_open, then=money), output_field=MONEY), nothing, output_field=MONEY
            ),
        )
        .order_by("-priority", "-pk")
    )


def open_cases() -> QuerySet[ExceptionCase]:
    return cases().filter(state=ExceptionCase.State.OPEN)


def asleep(*, at: datetime | Now) -> Q:
    """The cases that somebody snoozed beyond this moment."""
    return Q(snoozed_until__gt=at)


def awake(*, at: datetime | Now) -> Q:
    """The cases that nobody snoozed, or not for so long."""
    return Q(snoozed_until=None) | Q(snoozed_until__lte=at)


def touching(*, start: datetime, end: datetime) -> Q:
    """The cases that touch orders placed in a span, or the books since it began."""
    links = Invoice.cases.through.objects.filter(
        invoice__placed_at__gte=start, invoice__placed_at__lt=end
    )
    return Q(pk__in=links.values("exceptioncase")) | Q(
        kind__in=[CaseKind.JOURNAL_REFUSED, CaseKind.DOCUMENT_EDITED], opened_at__gte=start
    )


def blocked_money() -> tuple[int, Decimal]:
    """How many orders wait for a person, and their money in company currency."""
    held = Invoice.objects.filter(state__in=[Invoice.State.PARKED, Invoice.State.FAILED])
    found = held.aggregate(many=Count("pk"), money=Sum("gross"))
    return found["many"], found["money"] or Decimal(0)


@dataclass(frozen=True)
class CaseMoney:
    """What open cases amount to: two sums that are never added up.

    An order that waits is late money; a difference is wrong money, and may lie in that order.
    """

    held: Decimal  # of the orders they hold up, each once, in company currency
    whole: bool  # whether that is all of it
    at_stake: Mapping[str, int]  # by how much two sides differ: currency → minor units
    at_stake_whole: bool


def money_of(rows: QuerySet[ExceptionCase], *, most: int) -> CaseMoney:
    """The orders that these cases hold up, and what is at stake in them, in one query.

    Of more than `most` open cases only the largest of either sum are added up: nobody waits for
    the pennies of the ten thousandth.
    """
    open_ones = rows.filter(state=ExceptionCase.State.OPEN)
    held = open_ones.order_by("-held_money", "-pk").values("pk")
    differ = open_ones.filter(at_stake_minor__gt=0).order_by("-at_stake_minor", "-pk")
    columns = differ.values("pk", "at_stake_minor", "at_stake_currency")
    try:
        # As text: to nest a query with its annotations in another costs Django more than the sum.
        cases, parameters = held[: most + 1].query.sql_with_params()
        stakes, more = columns[: most + 1].query.sql_with_params()
    except EmptyResultSet:
        return CaseMoney(Decimal(0), True, {}, True)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH held AS MATERIALIZED ({cases}), differ(pk, minor, currency) AS MATERIALIZED"
            f" ({stakes}) SELECT COALESCE(SUM(gross), 0), (SELECT COUNT(*) FROM held),"
            " (SELECT COUNT(*) FROM differ), (SELECT COALESCE(jsonb_object_agg(currency, minor),"
            " '{}') FROM (SELECT currency, SUM(minor) AS minor FROM differ GROUP BY 1) s)"
            " FROM sync_invoice WHERE state IN (%s, %s) AND id IN"
            " (SELECT invoice_id FROM sync_invoice_cases JOIN held ON exceptioncase_id = held.pk)",
            [*parameters, *more, Invoice.State.PARKED, Invoice.State.FAILED],
        )
        money, many, differing, sums = cursor.fetchone()
    return CaseMoney(money, many <= most, json.loads(sums), differing <= most)


def history(case: ExceptionCase) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(subject=f"sync.exceptioncase:{case.pk}").order_by("at", "pk")
