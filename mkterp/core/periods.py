"""Which days our own books still take: a lock beside the ERP's, never looser than ours says.

The ERP is the authority for its periods. Our lock says that finance has signed a month: nothing
is dated into it any more without a decision that is recorded.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo


@dataclass(frozen=True)
class Span:
    """A period by its first and last day, and whether it takes entries."""

    start: date
    end: date
    open: bool

    def holds(self, day: date) -> bool:
        return self.start <= day <= self.end


def is_open(spans: Iterable[Span], day: date) -> bool:
    """Whether an entry may be dated that day. A day that no period holds is open."""
    return not any(span.holds(day) and not span.open for span in spans)


def first_open(locks: Collection[Sequence[Span]], day: date, *, horizon: int = 800) -> date | None:
    """That day, or the first after it that every one of the calendars leaves open.

    None when there is none within `horizon` days.
    """
    for ahead in range(horizon):
        candidate = day + timedelta(days=ahead)
        if all(is_open(spans, candidate) for spans in locks):
            return candidate
    return None


def month_of(day: date) -> tuple[date, date]:
    """First and last day of the calendar month."""
    start = day.replace(day=1)
    following = (start + timedelta(days=32)).replace(day=1)
    return start, following - timedelta(days=1)


def month_end(moment: datetime, zone: tzinfo) -> datetime:
    """The first instant of the next month in that zone: when the month of `moment` is over."""
    local = moment.astimezone(zone)
    year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
    return datetime(year, month, 1, tzinfo=zone)
