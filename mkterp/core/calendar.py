"""Reading our close calendar: the spans that `mkterp.core.periods` reasons about."""

from datetime import date

from mkterp.core.models import AccountingPeriod
from mkterp.core.periods import Span


def spans() -> list[Span]:
    """Every period, and whether it takes entries: being closed, it still does."""
    closed = AccountingPeriod.State.CLOSED
    rows = AccountingPeriod.objects.order_by("start")
    return [Span(row.start, row.end, row.state != closed) for row in rows]


def closed_spans() -> list[Span]:
    """The closed ones alone: usually few."""
    rows = AccountingPeriod.objects.filter(state=AccountingPeriod.State.CLOSED).order_by("start")
    return [Span(row.start, row.end, False) for row in rows]


def period_of(day: date) -> AccountingPeriod | None:
    """The period that holds the day, when the calendar has one."""
    return AccountingPeriod.objects.filter(start__lte=day, end__gte=day).order_by("start").first()
