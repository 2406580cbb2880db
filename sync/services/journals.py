"""Journal entries on their way to the ERP, as parcels, and the news that they have arrived.

What an entry means is the business of whoever queues it; how it is posted and read back stands in
`journals_send`.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sync.domain.delivery import Failure
from sync.domain.documents import JournalEntry, Written
from sync.models import OutboxMessage
from sync.services import frozen
from sync.services.outbox import Parcel
from sync.signals import message_delivered


def posting(*, entry: JournalEntry, reference: str) -> Parcel:
    """Post this entry, once under its key. `reference` is what people call it."""
    return Parcel(
        lane=OutboxMessage.Lane.ERP,
        operation="post_journal",
        key=entry.key,
        stream=f"journal:{entry.key}"[:200],
        reference=reference[:200],
        payload={"entry": frozen.freeze(entry)},
    )


def reversal(*, key: str, as_key: str, posting_date: date, memo: str, reference: str) -> Parcel:
    """Take the entry `key` back by its opposite, once under `as_key`."""
    return Parcel(
        lane=OutboxMessage.Lane.ERP,
        operation="reverse_journal",
        key=as_key,
        # In the original's stream: it cannot be taken back before it is there.
        stream=f"journal:{key}"[:200],
        reference=reference[:200],
        payload={
            "key": key,
            "as_key": as_key,
            "posting_date": posting_date.isoformat(),
            "memo": memo,
        },
    )


def arrived(
    arrivals: Sequence[tuple[OutboxMessage, Written | Failure | None]], at: datetime
) -> None:
    """Keep the day that the ERP booked it on, and tell whoever queued the entry."""
    for message, answer in arrivals:
        if isinstance(answer, Written) and answer.journal is not None:
            day = answer.journal.posting_date.isoformat()
            message.answer = {**(message.answer or {}), "posting_date": day}
            message.save(update_fields=["answer"])
        message_delivered.send(sender=OutboxMessage, message=message, at=at)
