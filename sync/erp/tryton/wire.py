"""Tryton's JSON: what it writes as objects with a `__class__`, as our exact and aware values."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any


def dumps(value: object) -> str:
    """JSON as Tryton reads it. Raises TypeError for a float: money and times must be exact."""
    return json.dumps(_plain(value), separators=(",", ":"))


def _plain(value: object) -> object:
    match value:
        case None | bool() | int() | str():
            return value
        case Quantity():
            # A Float column of Tryton's: a JSON number, never money.
            return int(value.value) if value.value == int(value.value) else float(value.value)
        case Decimal():
            return {"__class__": "Decimal", "decimal": str(value)}
        case datetime():
            return {"__class__": "datetime", **_parts(value)}
        case date():
            day = {"year": value.year, "month": value.month, "day": value.day}
            return {"__class__": "date", **day}
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    raise TypeError(f"no exact way to send {value!r}")


def _parts(moment: datetime) -> dict[str, int]:
    utc = moment.astimezone(UTC)
    names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return {name: getattr(utc, name) for name in names}


def loads(text: bytes) -> Any:
    """The answer with Decimal for every number that is not whole and aware UTC times."""
    return json.loads(text, object_hook=_special, parse_float=Decimal)


def _special(value: dict[str, Any]) -> Any:
    match value.get("__class__"):
        case "Decimal":
            return Decimal(value["decimal"])
        case "date":
            return date(value["year"], value["month"], value["day"])
        case "datetime":
            parts = {key: part for key, part in value.items() if key != "__class__"}
            return datetime(**parts, tzinfo=UTC)
    return value


class Quantity:
    """A quantity on its way to one of Tryton's Float columns."""

    def __init__(self, value: Decimal) -> None:
        self.value = value


def exact(quantity: object) -> Decimal:
    """The value of one of Tryton's Float columns, without idle zeros."""
    value = Decimal(str(quantity or 0)).normalize()
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value
