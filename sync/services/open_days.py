"""The day a document may have: open in the ERP, and not in a month that finance has closed here."""

from datetime import date, timedelta

from mkterp.core import calendar
from sync.domain.delivery import PeriodClosed
from sync.domain.documents import Period, first_postable


def open_day(periods: tuple[Period, ...], wanted: date) -> date:
    """That day, or the first after it that the ERP's periods and our own close both leave open.

    Signed figures never change without a recorded choice, whatever the ERP would still take.
    Raises PeriodClosed when there is no such day.
    """
    day = first_postable(periods, wanted)
    for span in calendar.closed_spans():
        if day is not None and span.holds(day):
            day = first_postable(periods, span.end + timedelta(days=1))
    if day is None:
        raise PeriodClosed(f"No accounting period is open on or after {wanted}.")
    return day
