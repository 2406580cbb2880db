"""Counts for the rail, each one query that stops at the most a screen shows."""

from sync.models import (
    ExceptionCase,
    InboxMessage,
    Invoice,
    OutboxMessage,
)

MOST_COUNTED = 10_001


def open_case_count(*, kind: str = "") -> int:
    rows = ExceptionCase.objects.filter(state=ExceptionCase.State.OPEN).order_by()
    return (rows.filter(kind=kind) if kind else rows)[:MOST_COUNTED].count()


def parked_count() -> int:
    parked = Invoice.objects.filter(state__in=[Invoice.State.PARKED, Invoice.State.FAILED])
    return parked.order_by()[:MOST_COUNTED].count()


def refused_count() -> int:
    refused = OutboxMessage.objects.filter(state=OutboxMessage.State.FAILED)
    return refused.order_by()[:MOST_COUNTED].count()


def last_webhook() -> InboxMessage | None:
    """The newest webhook we stored, or None when none ever came."""
    hints = InboxMessage.objects.filter(source=InboxMessage.Source.HINT).defer("body")
    return hints.order_by("-received_at", "-pk").first()
