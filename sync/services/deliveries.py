"""Claim, call, record: how an outbox message reaches the far side, once in effect.

The claim is committed before the call and the record after it, so no transaction is open while
the network is. A call whose answer is lost leaves the message to be claimed again, and the far
side is asked for our key before anything is posted twice.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from mkterp.core.requestid import about
from sync import connections
from sync.domain.cases import CaseKind
from sync.domain.delivery import (
    Failure,
    GiveUp,
    Misconfigured,
    Rejected,
    Transient,
    Unavailable,
    decide,
)
from sync.domain.documents import Written
from sync.models import ExceptionCase, OutboxAttempt, OutboxMessage
from sync.services import (
    cases,
    feeds,
    frozen,
    journals,
    journals_send,
    lanes,
    notices_send,
    outbox,
    postings,
    refunds,
    refunds_goods,
    refunds_send,
    shipments_tell,
    work,
)
from sync.services.cases import Cause

log = logging.getLogger(__name__)

# So soon another worker is asked again to help with a full lane.
NEXT = timedelta(seconds=5)

State = OutboxMessage.State
Lane = OutboxMessage.Lane
Answer = Written | Failure | None  # None: done, with nothing to tell


@dataclass(frozen=True)
class Operation:
    """How one kind of message is sent, a batch at a time, and what its arrival means here.

    `send` answers for each message in its place, or raises a Failure that holds for all of them.
    `arrived` is told of all that arrived together, inside the recording transaction.
    """

    send: Callable[[Sequence[OutboxMessage]], Sequence[Answer]]
    arrived: Callable[[Sequence[tuple[OutboxMessage, Answer]], datetime], None]
    refused: CaseKind
    # Told of a message that was given up, with its case.
    gave_up: Callable[[OutboxMessage, ExceptionCase], None] | None = None
    # The key of the case of a message that is given up, when several may share one.
    cause: Callable[[OutboxMessage], str] | None = None


def _post_orders(messages: Sequence[OutboxMessage]) -> Sequence[Answer]:
    return connections.erp().submit_orders([frozen.thaw_order(m.payload) for m in messages])


def _set_external_ids(messages: Sequence[OutboxMessage]) -> Sequence[Answer]:
    client = connections.marketplacer()
    answers: list[Answer] = []
    for message in messages:
        try:
            client.set_external_id(**message.payload)
            answers.append(None)
        except Failure as failure:
            answers.append(failure)
    return answers


def _nothing(arrivals: Sequence[tuple[OutboxMessage, Answer]], at: datetime) -> None:
    """The arrivals change nothing on our side."""


OPERATIONS = {
    "post_order": Operation(_post_orders, postings.accepted, CaseKind.ERP_REJECTED),
    "set_external_id": Operation(_set_external_ids, _nothing, CaseKind.MARKETPLACER_REJECTED),
    "cancel_order": Operation(
        refunds_send.send_cancel,
        refunds_send.closed,
        CaseKind.CANCELLATION_REFUSED,
        refunds.refused,
    ),
    "amend_order": Operation(
        refunds_send.send_amend,
        refunds_send.closed,
        CaseKind.CANCELLATION_REFUSED,
        refunds.refused,
    ),
    "post_credit_note": Operation(
        refunds_send.send_credit,
        refunds_send.credited,
        CaseKind.CREDIT_REFUSED,
        refunds.refused,
    ),
    "submit_return": Operation(
        refunds_send.send_return,
        refunds_goods.arrived,
        CaseKind.RETURN_REFUSED,
        refunds_goods.refused,
    ),
    "create_shipment": Operation(
        shipments_tell.create,
        shipments_tell.arrived,
        CaseKind.SHIPMENT_REFUSED,
        shipments_tell.refused,
    ),
    "update_shipment": Operation(
        shipments_tell.update, _nothing, CaseKind.SHIPMENT_REFUSED, shipments_tell.refused
    ),
    "post_journal": Operation(journals_send.send_post, journals.arrived, CaseKind.JOURNAL_REFUSED),
    "reverse_journal": Operation(
        journals_send.send_reverse, journals.arrived, CaseKind.JOURNAL_REFUSED
    ),
    "pass_on": Operation(journals_send.send_pass_on, _nothing, CaseKind.JOURNAL_REFUSED),
    "clear_receivables": Operation(journals_send.send_clear, _nothing, CaseKind.JOURNAL_REFUSED),
    "record_payment": Operation(
        journals_send.send_payment_told, _nothing, CaseKind.MARKETPLACER_REJECTED
    ),
    "move_collection": Operation(
        shipments_tell.collect, _nothing, CaseKind.SHIPMENT_REFUSED, shipments_tell.refused
    ),
    "send_notification": Operation(
        notices_send.send,
        notices_send.arrived,
        CaseKind.NOTICE_REFUSED,
        cause=notices_send.about,
    ),
}


def _places(lane: str) -> int:
    """How many workers may work the lane at once, on all hosts together."""
    return connections.erp_capabilities().max_concurrency if lane == Lane.ERP else 1


def _batch_size(lane: str) -> int:
    if lane == Lane.NOTICES:
        return 5  # each may keep us waiting for as long as its time-out, one after another
    return connections.erp().capabilities().max_batch if lane == Lane.ERP else 10


def deliver(*, lane: Lane, clock: Callable[[], datetime]) -> int:
    """Work the lane until nothing in it is due; returns how many messages arrived.

    As many workers as may send to the ERP at once work its lane, on all hosts together, and one
    each other; a run that finds no place returns 0 at once. A full batch wakes the next worker.
    """
    feed = f"deliver_{lane.lower()}"
    slot = None if feeds.held_back(name=feed, at=clock()) else _take_place(lane, feed, clock())
    if slot is None:
        return 0
    arrived = 0
    try:
        _park_poisoned(lane, slot, clock())
        while True:
            sent, delivered, failure = _deliver_batch(lane, slot, clock)
            if sent:
                told = _of_many(failure, delivered) if lane == Lane.NOTICES else failure
                feeds.told(name=feed, failure=told, at=clock(), counts={"sent": sent})
            arrived += delivered
            if not sent or isinstance(failure, Unavailable | Misconfigured):
                return arrived
            # What one of them was told holds for all.
            if feeds.held_back(name=feed, at=clock()):
                return arrived
    finally:
        work.release_lane_lock(_place(feed, slot))


def _place(feed: str, slot: int) -> str:
    return f"{feed}:{slot}"


def _take_place(lane: Lane, feed: str, at: datetime) -> int | None:
    """A free place in the lane; None when all are taken.

    Claims come back to a place and not to any worker: one whose call outlasts its lease still has
    its place, so nobody sends the same message beside it. A dead one's place is free, and is
    taken first.
    """
    flying = OutboxMessage.objects.filter(lane=lane, state=State.IN_FLIGHT, lease_until__lt=at)
    orphaned: list[int] = sorted(set(flying.values_list("slot", flat=True)))
    places: dict[int, None] = dict.fromkeys([*orphaned, *range(_places(lane))])
    for slot in places:
        if work.try_lane_lock(_place(feed, slot)):
            return slot
    return None


def _of_many(failure: Failure | None, delivered: int) -> Failure | None:
    """What a run says of a lane with many far sides: one that fails says nothing of the others,
    and one that asks to be left alone does not hold them up."""
    if failure is None or delivered or isinstance(failure, Rejected):
        return None
    return Transient(str(failure))


def due(lane: str, slot: int | None = None) -> QuerySet[OutboxMessage]:
    """Messages of a lane that may be claimed: waiting, or in flight with a lease that ran out (of
    that place alone, where one is given).

    Not while an older message of the same stream has not arrived, and nothing in a dry run, whether
    it was queued before or in it; but people are told also then.
    """
    if settings.DRY_RUN and lane != Lane.NOTICES:
        return OutboxMessage.objects.none()
    older = OutboxMessage.objects.filter(
        stream=OuterRef("stream"),
        pk__lt=OuterRef("pk"),
        dry=False,
        state__in=[State.PENDING, State.IN_FLIGHT, State.FAILED],
    )
    flying = Q(state=State.IN_FLIGHT) & (Q() if slot is None else Q(slot=slot))
    return OutboxMessage.objects.filter(
        Q(state=State.PENDING) | flying, ~Exists(older), lane=lane, dry=False
    )


def _deliver_batch(
    lane: Lane, slot: int, clock: Callable[[], datetime]
) -> tuple[int, int, Failure | None]:
    size = _batch_size(lane)
    lease, messages = work.claim(
        due(lane, slot), at=clock(), limit=size, state=State.IN_FLIGHT, slot=slot
    )
    if not messages:
        return 0, 0, None
    if len(messages) == size and _places(lane) > 1:
        with transaction.atomic():
            lanes.wake(task=outbox.TASKS[lane], at=clock(), stale=NEXT)
    delivered, failed = 0, None
    for name in sorted({message.operation for message in messages}):
        operation = OPERATIONS[name]
        mine = [message for message in messages if message.operation == name]
        answers: Sequence[Answer]
        try:
            answers = operation.send(mine)
        except Failure as failure:
            answers = [failure] * len(mine)
        failed = next((a for a in answers if isinstance(a, Failure)), failed)
        delivered += _record(operation, lease, mine, answers, clock())
    return len(messages), delivered, failed


@transaction.atomic
def _record(
    operation: Operation,
    lease: object,
    sent: Sequence[OutboxMessage],
    answers: Sequence[Answer],
    at: datetime,
) -> int:
    by_pk = {message.pk: answer for message, answer in zip(sent, answers, strict=True)}
    held = work.hold(OutboxMessage, lease=lease, pks=list(by_pk))  # type: ignore[arg-type]
    for lost in set(by_pk) - {message.pk for message in held}:
        # Our lease ran out and another worker has the message; what it finds is the truth.
        log.warning("outbox %s: answered after its lease ran out, not recorded", lost)
    work.release(held, at=at)
    arrivals: list[tuple[OutboxMessage, Answer]] = []
    for message in held:
        answer = by_pk[message.pk]
        if isinstance(answer, Failure):
            _record_failure(operation, message, answer, at)
            message.save()
        else:
            arrivals.append((message, answer))
    if arrivals:
        _record_arrivals(operation, arrivals, at)
    return len(arrivals)


def _record_arrivals(
    operation: Operation, arrivals: Sequence[tuple[OutboxMessage, Answer]], at: datetime
) -> None:
    for message, answer in arrivals:
        message.state, message.delivered_at, message.last_error = State.DELIVERED, at, ""
        if isinstance(answer, Written):
            message.answer = {"ref": answer.ref, "number": answer.number, "status": answer.status}
    OutboxMessage.objects.bulk_update([message for message, _ in arrivals], _ARRIVED)
    OutboxAttempt.objects.bulk_create(
        [OutboxAttempt(message=message, at=at, outcome="delivered") for message, _ in arrivals]
    )
    operation.arrived(arrivals, at)
    for message, _ in arrivals:
        if message.case is not None:
            cases.resolve(case=message.case, resolution=f"{message.reference} arrived.", at=at)
        with about(message.reference):
            log.info(
                "outbox %s %s: delivered, try %s", message.pk, message.operation, message.attempts
            )


_ARRIVED = [
    "state", "delivered_at", "last_error", "answer", "lease", "lease_until", "unrecorded",
]  # fmt: skip


def _record_failure(
    operation: Operation, message: OutboxMessage, failure: Failure, at: datetime
) -> None:
    OutboxAttempt.objects.create(
        message=message, at=at, outcome=failure.kind, detail=str(failure)[:2000]
    )
    message.last_error = f"{failure.kind}: {failure}"[:2000]
    decision = decide(failure, attempts=message.attempts, now=at)
    if isinstance(decision, GiveUp):
        _give_up(message, operation.refused, decision.reason, at)
    else:
        message.state, message.not_before = State.PENDING, decision.until
    with about(message.reference):
        log.info(
            "outbox %s %s: %s, try %s",
            message.pk,
            message.operation,
            failure.kind,
            message.attempts,
        )


def _give_up(message: OutboxMessage, kind: CaseKind, reason: str, at: datetime) -> None:
    message.state = State.FAILED
    cause = OPERATIONS[message.operation].cause
    message.case = cases.open_case(
        cause=Cause(
            kind,
            cause(message) if cause else f"outbox:{message.operation}:{message.key}",
            f"{message.reference} was not taken.",
            quote=reason,
        ),
        at=at,
    )
    postings.refused(message=message, case=message.case)
    gave_up = OPERATIONS[message.operation].gave_up
    if gave_up is not None:
        gave_up(message, message.case)


@transaction.atomic
def _park_poisoned(lane: Lane, slot: int, at: datetime) -> None:
    mine = Q(state=State.PENDING) | Q(state=State.IN_FLIGHT, slot=slot)
    for message in work.poisoned(OutboxMessage.objects.filter(mine, lane=lane), at=at):
        OutboxAttempt.objects.create(message=message, at=at, outcome="poison")
        work.release([message], at=at)
        _give_up(message, CaseKind.POISON, "Each try ended the worker before it answered.", at)
        message.save()


def lanes_with_work(*, at: datetime) -> list[Lane]:
    """The lanes in which something is due now: what the sweeper wakes."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=at)
    return [lane for lane in Lane if due(lane).filter(free, not_before__lte=at).exists()]
