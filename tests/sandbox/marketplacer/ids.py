"""Opaque ids and cursors, and the one format of time inside the sandbox."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime


class BadId(ValueError):
    """An id or cursor that this instance never gave out."""


def global_id(kind: str, number: int) -> str:
    """The opaque id of an object: base64 of `Type-number`."""
    return base64.b64encode(f"{kind}-{number}".encode()).decode()


def read_id(opaque: str) -> tuple[str, int]:
    """The kind and number behind an opaque id. Raises BadId."""
    try:
        kind, _, number = base64.b64decode(opaque, validate=True).decode().rpartition("-")
        return kind, int(number)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise BadId(f"Invalid ID: {opaque[:80]}") from None


def cursor(position: str) -> str:
    """An opaque cursor for a position in a list."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def read_cursor(opaque: str) -> str:
    """The position behind a cursor. Raises BadId."""
    try:
        padded = opaque + "=" * (-len(opaque) % 4)
        return base64.urlsafe_b64decode(padded).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise BadId(f"Invalid cursor: {opaque[:80]}") from None


def stamp(moment: datetime) -> str:
    """A moment as stored: UTC with six decimals, so that text order is time order."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(text: str) -> datetime:
    """A stored or received ISO 8601 time. Raises ValueError; without offset it is UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def public_time(stored: str) -> str:
    """A stored time as the API shows it: whole seconds, like every published sample."""
    return stored[:19] + "Z"
