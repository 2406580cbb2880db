"""What ERPs spoken to over HTTP and JSON have in common: no answer, and exact numbers."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import httpx

from sync.domain import delivery
from sync.domain.delivery import Failure, Transient, UnknownOutcome


def no_answer(erp: str, error: httpx.HTTPError, *, write: bool) -> Failure:
    """Nothing came back: either nothing was sent, or we cannot know what became of it."""
    words = str(error) or type(error).__name__
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return Transient(f"{erp} cannot be reached: {words}")
    if write:
        return UnknownOutcome(f"{erp}'s answer was lost: {words}")
    return Transient(f"{erp} did not answer: {words}")


def garbled(erp: str, *, write: bool) -> Failure:
    """Something came back that is no answer."""
    return no_answer(erp, httpx.RemoteProtocolError("not the JSON that was expected"), write=write)


def retry_after(answer: httpx.Response) -> float | None:
    """Seconds to wait, when the answer names them."""
    return delivery.retry_after(answer.headers.get("Retry-After", ""), datetime.now(UTC))


def loads(content: bytes) -> Any:
    """JSON with Decimal for every number that is not whole. Raises ValueError."""
    return json.loads(content, parse_float=Decimal)


def dumps(value: object) -> str:
    """JSON with exact numbers: raises TypeError for a float, ValueError for too many digits."""
    return json.dumps(_plain(value), separators=(",", ":"))


def _plain(value: object) -> object:
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal():
            return _number(value)
        case datetime():
            return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
        case date():
            return value.isoformat()
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
    raise TypeError(f"no exact way to send {value!r}")


def _number(value: Decimal) -> int | float:
    """The JSON number whose text is this amount; the far side reads the text back."""
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    if Decimal(repr(number)) != value:
        raise ValueError(f"{value} has more digits than a JSON number carries exactly")
    return number


def exact(quantity: object) -> Decimal:
    """A quantity without idle zeros, to a millionth."""
    value = round(Decimal(str(quantity or 0)), 6).normalize()
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value
