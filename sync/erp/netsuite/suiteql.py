"""Conditions and times as SuiteQL writes them.

Times are told and compared in the time zone of the integration's user, to the second; dates only
as text in a format that we name, since the format of the bare column is the user's own.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

_DAY, _MOMENT = "YYYY-MM-DD", "YYYY-MM-DD HH24:MI:SS"


def text(value: str) -> str:
    """A value in quotes."""
    quoted = value.replace("'", "''")
    return f"'{quoted}'"


def one_of(column: str, values: Iterable[str | int]) -> str:
    """The column has one of these values; numbers are ids."""
    told = ", ".join(text(v) if isinstance(v, str) else str(v) for v in values)
    return f"{column} IN ({told})"


def both(*conditions: str) -> str:
    """All of these conditions, those that are not empty."""
    return " AND ".join(one for one in conditions if one)


def day(column: str) -> str:
    """A date column as text that `read_day` reads."""
    return f"TO_CHAR({column}, '{_DAY}')"


def moment(column: str) -> str:
    """A time column as text that `read_moment` reads."""
    return f"TO_CHAR({column}, '{_MOMENT}')"


def a_day(value: date) -> str:
    """A day to compare a date column with."""
    return f"TO_DATE('{value.isoformat()}', '{_DAY}')"


def since(column: str, value: datetime | None, zone: ZoneInfo) -> str:
    """Changed at or after that moment, which is cut to its second; nothing without one."""
    if value is None:
        return ""
    local = value.astimezone(zone).replace(tzinfo=None)
    return f"{column} >= TO_DATE('{local.isoformat(' ', 'seconds')}', '{_MOMENT}')"


def read_moment(told: str, zone: ZoneInfo) -> datetime:
    """What `moment` wrote, in UTC."""
    return datetime.fromisoformat(told).replace(tzinfo=zone).astimezone(UTC)


def read_day(told: str) -> date:
    """What `day` wrote."""
    return date.fromisoformat(told)
