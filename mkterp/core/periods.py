"""Which month a moment belongs to, in the company's own time zone. Pure."""

from datetime import datetime, tzinfo


def month_end(moment: datetime, zone: tzinfo) -> datetime:
    """The first instant of the next month in that zone: when the month of `moment` is over."""
    local = moment.astimezone(zone)
    year, month = (local.year + 1, 1) if local.month == 12 else (local.year, local.month + 1)
    return datetime(year, month, 1, tzinfo=zone)
