"""The close calendar, made from the ERP's periods, and the days that entries may have."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import transaction

from mkterp.core import calendar
from mkterp.core.errors import Refused
from mkterp.core.models import AccountingPeriod
from mkterp.core.periods import Span, first_open, month_of
from sync.models import ErpPeriod
from sync.services import go_live

# Days after a period's end until its close is due.
DUE_AFTER = 5


def company_day(at: datetime) -> date:
    """The day in the company's time zone, whatever the reader's own."""
    return at.astimezone(settings.COMPANY_TIME_ZONE).date()


@transaction.atomic
def extend(*, at: datetime) -> int:
    """Make the periods from go-live up to this month that are missing; returns how many.

    By the ERP's own bounds where it has a period, else by calendar months. A second run makes
    none.
    """
    first, last = company_day(settings.GO_LIVE_AT), company_day(at)
    theirs = list(ErpPeriod.objects.filter(end__gte=first, start__lte=last).order_by("start"))
    wanted = [(row.start, row.end) for row in theirs]
    day = month_of(first)[0]
    while day <= last:
        start, end = month_of(day)
        if not any(a <= end and start <= b for a, b in wanted):
            wanted.append((start, end))
        day = end + timedelta(days=1)
    known = list(AccountingPeriod.objects.values_list("start", "end"))
    fresh = [
        AccountingPeriod(
            name=_name(start, end), start=start, end=end, due_date=end + timedelta(days=DUE_AFTER)
        )
        for start, end in sorted(wanted)
        if not any(a <= end and start <= b for a, b in known)
    ]
    AccountingPeriod.objects.bulk_create(fresh, ignore_conflicts=True)
    return len(fresh)


def _name(start: date, end: date) -> str:
    if month_of(start) == (start, end):
        return f"{start:%b %Y}"
    return f"{start:%Y-%m-%d} to {end:%Y-%m-%d}"


def erp_spans() -> list[Span]:
    """The ERP's periods as last read."""
    return [Span(row.start, row.end, row.state == "open") for row in ErpPeriod.objects.all()]


def posting_day(day: date, *, locks: Sequence[Sequence[Span]] | None = None) -> date:
    """That day, or the first after it that both our lock and the ERP's periods leave open.

    Raises Refused when there is none, and for a day before go-live: its balances were stated.
    """
    if day <= go_live.last_day_before():
        raise Refused(f"{day:%d %b %Y} lies before go-live; the opening balances hold it.")
    found = first_open(locks if locks is not None else locks_now(), day)
    if found is None:
        raise Refused(f"No accounting period is open on or after {day:%d %b %Y}.")
    return found


def locks_now() -> list[list[Span]]:
    """Our calendar and the ERP's, for `posting_day` of many days."""
    return [calendar.spans(), erp_spans()]
