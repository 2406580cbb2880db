"""Buyers' personal data: redacted when its time has come, told and erased when a person asks.

It stands in two places only: the raw messages of Marketplacer and the documents for the ERP, both
as they came or went. What the ERP and Marketplacer hold themselves is theirs to erase.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.fields.json import KT
from django.db.models.functions import Concat

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from sync.domain.personal import redacted
from sync.models import InboxMessage, Invoice, OutboxMessage

BATCH = 500

_UNFINISHED = [
    Invoice.State.WAITING,
    Invoice.State.PARKED,
    Invoice.State.QUEUED,
    Invoice.State.FAILED,
]
_WORKED = [InboxMessage.State.DONE, InboxMessage.State.IGNORED]
_GONE_OUT = [
    OutboxMessage.State.DELIVERED,
    OutboxMessage.State.ABANDONED,
    OutboxMessage.State.SUPERSEDED,
]


def redact_old(*, at: datetime) -> int:
    """Redact what is older than PERSONAL_DATA_DAYS; returns how many rows that were.

    What an order still needs on its way to the ERP stays until it has arrived, whatever its age.
    Killed, it goes on where it was; twice changes nothing.
    """
    before = at - timedelta(days=settings.PERSONAL_DATA_DAYS)
    inbox = InboxMessage.objects.filter(received_at__lt=before)
    outbox = OutboxMessage.objects.filter(queued_at__lt=before, operation="post_order")
    return _redact_inbox(inbox, at) + _redact_outbox(outbox, at)


def about(*, name: str, postcode: str) -> Iterator[dict[str, Any]]:
    """Everything held of the buyer of this name at this postcode, as plain JSON values."""
    inbox, outbox = _of(name, postcode)
    for message in inbox.order_by("pk").iterator(BATCH):
        yield {
            "kind": message.typename or message.event_name,
            "received_at": message.received_at.isoformat(),
            "body": message.body,
        }
    for document in outbox.order_by("pk").iterator(BATCH):
        yield {
            "kind": "document for the ERP",
            "queued_at": document.queued_at.isoformat(),
            "body": document.payload,
        }


def erase(*, name: str, postcode: str, by: User, at: datetime, reason: str) -> int:
    """Redact everything held of this buyer now; returns how many rows that were.

    Refused without a reason, while one of their orders has not reached the ERP yet or a message
    about one has not been worked, and when nothing is held. The audit keeps of which orders, not
    whose.
    """
    if not reason.strip():
        raise Refused("Say why.")
    inbox, outbox = _of(name, postcode)
    keys = list(inbox.values_list("node_id", flat=True).distinct())
    theirs = Invoice.objects.filter(marketplacer_id__in=keys).order_by("pk")
    waiting = theirs.filter(state__in=_UNFINISHED)[:20]
    if numbers := ", ".join(str(invoice) for invoice in waiting):
        raise Refused(f"Not in the ERP yet, and needed until then: {numbers}.")
    if inbox.exclude(_no_longer_needed()).exists() or outbox.exclude(state__in=_GONE_OUT).exists():
        # Of an order that is not mirrored yet, say: redacted now, it would go out without address.
        raise Refused("Messages about their orders wait to be worked. Try again when they are.")
    with transaction.atomic():
        for invoice in theirs:
            audit.record(
                action="personal_data_erased", subject=invoice, by=by, at=at, reason=reason
            )
        many = _redact_inbox(inbox, at) + _redact_outbox(outbox, at)
        if not many:
            raise Refused("Nothing is held of a buyer of this name at this postcode.")
    return many


def _of(name: str, postcode: str) -> tuple[QuerySet[InboxMessage], QuerySet[OutboxMessage]]:
    """Their messages, found by the invoices that name them, and the documents made of those."""
    theirs = InboxMessage.objects.annotate(
        buyer=Concat(
            KT("body__buyerFirstName"),
            Value(" "),
            KT("body__buyerSurname"),
            output_field=TextField(),
        )
    ).filter(
        typename="Invoice",
        redacted_at=None,
        buyer__iexact=name.strip(),
        body__shippingAddress__postcode__iexact=postcode.strip(),
    )
    keys = list(theirs.values_list("node_id", flat=True).distinct())
    return (
        InboxMessage.objects.filter(node_id__in=keys, redacted_at=None),
        OutboxMessage.objects.filter(operation="post_order", key__in=keys, redacted_at=None),
    )


def _redact_inbox(messages: QuerySet[InboxMessage], at: datetime) -> int:
    needed = Invoice.objects.filter(state__in=_UNFINISHED).values("source")
    worked = messages.filter(_no_longer_needed(), redacted_at=None).exclude(pk__in=needed)
    return _in_batches(worked, "body", at)


def _no_longer_needed() -> Q:
    """Worked, or unreadable while a later reading of the same thing was worked in its stead.

    Not a webhook about it, nor its money, which is another reading under the same id.
    """
    later = InboxMessage.objects.filter(
        source=InboxMessage.Source.NODE,
        typename=OuterRef("typename"),
        node_id=OuterRef("node_id"),
        pk__gt=OuterRef("pk"),
        state__in=_WORKED,
    ).exclude(node_id="")
    return Q(state__in=_WORKED) | Q(Exists(later), state=InboxMessage.State.UNREADABLE)


def _redact_outbox(documents: QuerySet[OutboxMessage], at: datetime) -> int:
    return _in_batches(documents.filter(redacted_at=None, state__in=_GONE_OUT), "payload", at)


def _in_batches(rows: QuerySet[Any], field: str, at: datetime) -> int:
    many = 0
    while True:
        with transaction.atomic():
            batch = list(
                rows.select_for_update(no_key=True, of=("self",), skip_locked=True).order_by("pk")[
                    :BATCH
                ]
            )
            for row in batch:
                setattr(row, field, redacted(getattr(row, field)))
                row.redacted_at = at
            rows.model._default_manager.bulk_update(batch, [field, "redacted_at"])
        many += len(batch)
        if len(batch) < BATCH:
            return many
