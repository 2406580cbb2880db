"""What travelled and what still waits to."""

from django.db.models import (
    QuerySet,
)

from sync.models import (
    InboxMessage,
    OutboxMessage,
)


def inbox() -> QuerySet[InboxMessage]:
    return InboxMessage.objects.defer("body").order_by("-pk")


def outbox() -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.defer("payload").select_related("case").order_by("-pk")
