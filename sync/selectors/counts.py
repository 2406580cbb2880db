"""What the rail counts."""

from django.db.models import QuerySet

from sync.domain.cases import CaseKind
from sync.models import (
    ExceptionCase,
    InboxMessage,
    Invoice,
    OutboxMessage,
)

MOST_COUNTED = 10_001


def standing_cases() -> QuerySet[ExceptionCase]:
    return ExceptionCase.objects.filter(state=ExceptionCase.State.OPEN)


def unmapped_skus() -> QuerySet[ExceptionCase]:
    return standing_cases().filter(kind=CaseKind.UNMAPPED_SKU)


def parked_orders() -> QuerySet[Invoice]:
    return Invoice.objects.filter(state__in=[Invoice.State.PARKED, Invoice.State.FAILED])


def refused_messages() -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(state=OutboxMessage.State.FAILED)


def last_webhook() -> InboxMessage | None:
    """The newest webhook we stored, or None when none ever came."""
    hints = InboxMessage.objects.filter(source=InboxMessage.Source.HINT).defer("body")
    return hints.order_by("-received_at", "-pk").first()
