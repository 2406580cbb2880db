"""How finance gets on, day by day and month by month."""

from datetime import date, datetime

from django.conf import settings

from mkterp.core.models import AccountingPeriod
from reconciliation.models import Residue, TaxAdjustment
from sync.selectors import came_and_went


def differences(*, at: datetime, days: int) -> list[tuple[date, int, int]]:
    """Differences of the settlement found and cleared on each of these days, oldest first."""
    return came_and_went(Residue.objects.all(), "found_at", "cleared_at", at=at, days=days)


def adjustments(*, at: datetime, days: int) -> list[tuple[date, int, int]]:
    """Adjustments prepared and decided on each of these days, oldest first."""
    rows = TaxAdjustment.objects.exclude(state=TaxAdjustment.State.SUPERSEDED)
    return came_and_went(rows, "prepared_at", "decided_at", at=at, days=days)


def closes(*, periods: int) -> list[tuple[str, int, int]]:
    """The last closed periods, oldest first: name, days from its end to its close, and to its due
    date."""
    rows = AccountingPeriod.objects.filter(state=AccountingPeriod.State.CLOSED)[:periods]
    found = []
    for one in reversed(rows):
        assert one.closed_at is not None  # a constraint holds it
        closed = one.closed_at.astimezone(settings.COMPANY_TIME_ZONE).date()
        found.append((str(one), (closed - one.end).days, (one.due_date - one.end).days))
    return found
