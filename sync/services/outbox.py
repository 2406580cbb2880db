"""The outbox: what must reach the far side, frozen when it is queued."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from sync.models import Invoice, OutboxMessage
from sync.services import bulk, cases, lanes

State = OutboxMessage.State

# The task that works each lane until it is empty.
TASKS = {
    OutboxMessage.Lane.ERP: "sync.tasks.deliver_erp",
    OutboxMessage.Lane.MARKETPLACER: "sync.tasks.deliver_marketplacer",
    OutboxMessage.Lane.STOCK: "sync.tasks.push_stock",
    OutboxMessage.Lane.NOTICES: "sync.tasks.deliver_notices",
}


@dataclass(frozen=True)
class Parcel:
    """One message to be queued. `key` is unique among the living messages of its operation."""

    lane: OutboxMessage.Lane
    operation: str
    key: str
    stream: str
    reference: str
    payload: Mapping[str, Any]


def living() -> QuerySet[OutboxMessage]:
    """Messages that are to be delivered or were: at most one of an operation and key."""
    return OutboxMessage.objects.exclude(state__in=[State.SUPERSEDED, State.ABANDONED])


@transaction.atomic
def enqueue(*, parcels: Sequence[Parcel], at: datetime) -> dict[tuple[str, str], OutboxMessage]:
    """Queue parcels and wake their lanes; returns the living message of each operation and key.

    A parcel whose operation and key have a living message is not queued again: that message is
    returned as it is, whatever its payload.
    """
    bulk.insert(
        [
            OutboxMessage(
                lane=parcel.lane,
                operation=parcel.operation,
                key=parcel.key,
                stream=parcel.stream,
                reference=parcel.reference,
                payload=dict(parcel.payload),
                queued_at=at,
                not_before=at,
                dry=settings.DRY_RUN and parcel.lane != OutboxMessage.Lane.NOTICES,
            )
            for parcel in parcels
        ],
        ignore_conflicts=True,
    )
    there = (
        living()
        .filter(
            key__in=[parcel.key for parcel in parcels],
            operation__in={parcel.operation for parcel in parcels},
        )
        .defer("payload")  # large, and the caller has just given it
    )
    for lane in sorted({parcel.lane for parcel in parcels}):
        lanes.wake(task=TASKS[lane], at=at)
    return {(message.operation, message.key): message for message in there}


@transaction.atomic
def withdraw(*, message: OutboxMessage, reason: str, at: datetime) -> bool:
    """Take back a message that has not left; returns whether it could be taken back.

    PENDING becomes SUPERSEDED, FAILED becomes ABANDONED. A message on its way or delivered stays:
    the far side may hold it.
    """
    locked = OutboxMessage.objects.select_for_update(no_key=True, of=("self",)).get(pk=message.pk)
    if locked.state in (State.SUPERSEDED, State.ABANDONED):
        return True
    # A message that was ever tried may have arrived although its answer was lost.
    if locked.state == State.PENDING and not locked.attempts:
        locked.state = State.SUPERSEDED
    elif locked.state == State.FAILED:
        locked.state = State.ABANDONED
    else:
        return False
    locked.last_error = reason
    locked.save(update_fields=["state", "last_error"])
    if locked.case is not None:
        cases.resolve(case=locked.case, resolution=reason, at=at)
    return True


@transaction.atomic
def retry(*, message: OutboxMessage, by: User, at: datetime) -> OutboxMessage:
    """A person sends a refused message again, as it was frozen; its case resolves when it arrives.

    Refused unless the message is FAILED.
    """
    locked = OutboxMessage.objects.select_for_update(no_key=True, of=("self",)).get(pk=message.pk)
    if locked.state != State.FAILED:
        raise Refused(f"{locked} is {locked.get_state_display()}; only a refused one is retried.")
    locked.state, locked.not_before, locked.unrecorded = State.PENDING, at, 0
    locked.save(update_fields=["state", "not_before", "unrecorded"])
    Invoice.objects.filter(posting=locked, state=Invoice.State.FAILED).update(
        state=Invoice.State.QUEUED
    )
    audit.record(action="outbox.retry", subject=locked, by=by, at=at, after={"state": "PENDING"})
    lanes.wake(task=TASKS[OutboxMessage.Lane(locked.lane)], at=at)
    return locked
