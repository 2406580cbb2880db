"""What waits for a person, and what it holds up."""

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


def blocked_money() -> tuple[int, Decimal]:
    """How many orders wait for a person, and their money in company currency."""
    held = Invoice.objects.filter(state__in=[Invoice.State.PARKED, Invoice.State.FAILED])
    found = held.aggregate(many=Count("pk"), money=Sum("gross"))
    return found["many"], found["money"] or Decimal(0)


def money_held_by(rows: QuerySet[ExceptionCase], *, most: int) -> tuple[Decimal, bool]:
    """The money of the orders these cases hold up, each order once, in company currency; and
    whether that is all of it. Of more than `most` open cases only those are summed that weighed
    most: nobody waits for the pennies of the ten thousandth.
    """
    held = rows.filter(state=ExceptionCase.State.OPEN).order_by("-held_money", "-pk")
    try:
        # As text: to nest a query with its annotations in another costs Django more than the sum.
        cases, parameters = held.values("pk")[: most + 1].query.sql_with_params()
    except EmptyResultSet:
        return Decimal(0), True
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH held AS MATERIALIZED ({cases})"
            " SELECT COALESCE(SUM(gross), 0), (SELECT COUNT(*) FROM held) FROM sync_invoice"
            " WHERE state IN (%s, %s) AND id IN"
            " (SELECT invoice_id FROM sync_invoice_cases JOIN held ON exceptioncase_id = held.pk)",
            [*parameters, Invoice.State.PARKED, Invoice.State.FAILED],
        )
        money, many = cursor.fetchone()
    return money, many <= most


def history(case: ExceptionCase) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(subject=f"sync.exceptioncase:{case.pk}").order_by("at", "pk")
