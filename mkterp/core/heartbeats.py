"""The proof of life of a worker: a row that only an executed task writes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mkterp.core.models import Heartbeat


def beat(*, name: str, at: datetime, detail: Mapping[str, Any]) -> None:
    """Write the beat of `name`; the latest one stands."""
    Heartbeat.objects.update_or_create(name=name, defaults={"beat_at": at, "detail": dict(detail)})
