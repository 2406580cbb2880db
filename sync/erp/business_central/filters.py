"""Conditions as OData writes them."""

from datetime import UTC, date, datetime


def literal(value: object) -> str:
    """A value as a filter writes it; times in UTC."""
    match value:
        case datetime():
            moment = value.astimezone(UTC).replace(tzinfo=None)
            return f"{moment.isoformat(timespec='milliseconds')}Z"
        case date():
            return value.isoformat()
        case bool():
            return str(value).lower()
        case int():
            return str(value)
    quoted = str(value).replace("'", "''")
    return f"'{quoted}'"


def both(*conditions: str) -> str:
    """All of these conditions, those that are not empty."""
    return " and ".join(one for one in conditions if one)
