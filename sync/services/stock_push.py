"""Telling: claim, call, record, for levels. An old level never overtakes a newer one.

A message is sent only while it is the newest of its listing, held by nobody and allowed by the
guard, all looked at under lock in the claim. What the far side may have taken without our hearing
of it leaves the listing in doubt, and a listing in doubt is told again whatever it should show.
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection, transaction

from mapping.domain.ownership import Field
from sync import connections
from sync.domain.cases import CaseKind
from sync.domain.delivery import (
    Failure,
    GiveUp,
    Misconfigured,
    Rejected,
    Throttled,
    Unavailable,
    UnknownOutcome,
    decide,
)
from sync.domain.guard import Permit
from sync.marketplacer.stock import StockUpdate
from sync.models import ListingStock, OutboxAttempt, OutboxMessage
from sync.services import cases, deliveries, feeds, guard, stock_pace, work
from sync.services.cases import Cause

log = logging.getLogger(__name__)

State = OutboxMessage.State
Lane = OutboxMessage.Lane
FEED = "push_stock"
# A claim older than this is not sent any more: another worker will soon take it.
FUSE = work.LEASE / 2
Claimed = Sequence[tuple[OutboxMessage, Permit]]


def push(*, clock: Callable[[], datetime]) -> int:
    """Tell what is queued until nothing is due, or the budget is spent; returns how many arrived.

    Any number of workers may do so at once. Killed anywhere, a second run goes on.
    """
    arrived = 0
    _park_poisoned(clock())
    while not feeds.held_back(name=FEED, at=clock()):
        claimed_at = clock()
        lease, claimed, looked = claim(at=claimed_at, limit=stock_pace.batch_size())
        if not claimed:
            if looked:
                continue  # all of them were superseded; there may be more behind
            return arrived
        if not stock_pace.take_call(calls_per_hour=stock_pace.policy().calls_per_hour):
            give_back(lease, claimed, at=clock(), until=clock() + timedelta(seconds=20))
            return arrived
        if clock() - claimed_at > FUSE:
            give_back(lease, claimed, at=clock(), until=clock())
            continue
        delivered, failure = _call(lease, claimed, clock)
        arrived += delivered
        feeds.told(name=FEED, failure=failure, at=clock(), counts={"sent": len(claimed)})
        if isinstance(failure, Unavailable | Misconfigured):
            return arrived
    return arrived


@transaction.atomic
def claim(*, at: datetime, limit: int) -> tuple[UUID, list[tuple[OutboxMessage, Permit]], int]:
    """Lease messages that may be sent now; supersede those that may not, with the reason.

    Returns the lease, the messages with the guard's permit, and how many were looked at.
    """
    lease, messages = work.claim(
        deliveries.due(Lane.STOCK), at=at, limit=limit, state=State.IN_FLIGHT
    )
    by_listing = {int(message.payload["listing"]): message for message in messages}
    wanted = {
        stock.listing_id: stock
        for stock in ListingStock.objects.select_for_update(no_key=True, of=("self",))
        .filter(pk__in=by_listing)
        .order_by("pk")
    }
    answers = guard.stock_permits(listing_ids=list(by_listing), at=at)
    claimed: list[tuple[OutboxMessage, Permit]] = []
    refused: list[tuple[int, int, str]] = []
    for pk, message in by_listing.items():
        answer = answers[pk].answer
        if not isinstance(answer, Permit):
            guard.supersede(message, f"The guard: {answer.reason}.")
            refused.append((answers[pk].seller_id, pk, answer.code))
        elif reason := _outdated(message, wanted.get(pk)):
            guard.supersede(message, reason)
        else:
            claimed.append((message, answer))
    guard.count_prevented(field=Field.STOCK, refused=refused, at=at)
    for code in sorted({code for _, _, code in refused}):
        ListingStock.objects.filter(pk__in=[pk for _, pk, c in refused if c == code]).update(
            refusal=code, due_at=None, told=None
        )
    # Claimed before and never recorded: it may have arrived while it was still allowed.
    tried = [pk for _, pk, _ in refused if by_listing[pk].attempts > 1]
    ListingStock.objects.filter(pk__in=tried).update(look_at=at)
    # From here on the far side may show what we are about to send.
    sent = [int(message.payload["listing"]) for message, _ in claimed]
    ListingStock.objects.filter(pk__in=sent).update(in_doubt=True)
    return lease, claimed, len(messages)


def _outdated(message: OutboxMessage, wanted: ListingStock | None) -> str:
    """Why this message is not to be sent any more; empty when it is the newest level."""
    if wanted is None:
        return "The listing is not told stock any more."
    version = int(message.payload["version"])
    if version < wanted.version:
        return "A newer level is known."
    if version <= wanted.told_version:
        return "This level has been told already."
    return "Held for a person." if wanted.hold_id is not None else ""


def _call(
    lease: UUID, claimed: Claimed, clock: Callable[[], datetime]
) -> tuple[int, Failure | None]:
    updates = [StockUpdate(permit, int(m.payload["quantity"])) for m, permit in claimed]
    answers: Sequence[Failure | None]
    whole: Failure | None = None
    began = time.monotonic()
    try:
        answers = connections.marketplacer().set_stock(updates)
    except Failure as failure:
        whole, answers = failure, [failure] * len(claimed)
    took = time.monotonic() - began
    if not isinstance(whole, Throttled | Misconfigured):
        stock_pace.learn(sent=len(claimed), seconds=took, failed=whole is not None)
    if isinstance(whole, Rejected) and len(claimed) > 1:
        # The document as a whole: too much of it, or one that spoils it. The next is smaller.
        answers = [UnknownOutcome(str(whole))] * len(claimed)
    delivered = record(lease, claimed, answers, at=clock())
    return delivered, whole if not isinstance(whole, Rejected) else None


@transaction.atomic
def record(
    lease: UUID, claimed: Claimed, answers: Sequence[Failure | None], *, at: datetime
) -> int:
    """Write down what each message came to; returns how many arrived.

    A message whose lease ran out is another worker's; its listing is read back at once, because
    ours and the other's may have arrived in either order.
    """
    by_pk = {m.pk: answer for (m, _), answer in zip(claimed, answers, strict=True)}
    held = work.hold(OutboxMessage, lease=lease, pks=list(by_pk))
    lost = [int(m.payload["listing"]) for m, _ in claimed if m.pk not in {h.pk for h in held}]
    ListingStock.objects.filter(pk__in=lost).update(look_at=at, in_doubt=True)
    work.release(held, at=at)
    arrived = [message for message in held if by_pk[message.pk] is None]
    OutboxMessage.objects.filter(pk__in=[message.pk for message in arrived]).update(
        state=State.DELIVERED,
        delivered_at=at,
        last_error="",
        lease=None,
        lease_until=None,
        unrecorded=0,
    )
    _told(arrived, at)
    OutboxAttempt.objects.bulk_create(
        [OutboxAttempt(message=message, at=at, outcome="delivered") for message in arrived]
    )
    unknown: list[int] = []
    for message in held:
        answer = by_pk[message.pk]
        if answer is not None:
            _record_failure(message, answer, at)
            if isinstance(answer, UnknownOutcome):
                unknown.append(int(message.payload["listing"]))
    # It may have arrived, and a newer level may make the next try needless: look what is shown.
    ListingStock.objects.filter(pk__in=unknown, look_at=None).update(look_at=_look_at(at))
    return len(arrived)


def _look_at(at: datetime) -> datetime:
    return at + timedelta(seconds=stock_pace.policy().read_back_seconds)


def _told(arrived: Sequence[OutboxMessage], at: datetime) -> None:
    """Remember what was accepted; a version older than what is remembered changes nothing.

    Only the newest level answers for orders that moved what is shown: they may have come after an
    older one was sent.
    """
    if not arrived:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE sync_listingstock s
               SET told = given.quantity, told_at = %s, told_version = given.version, looks = 0,
                   in_doubt = false, moved = s.moved AND s.version > given.version,
                   look_at = %s,
                   wrong_since = CASE WHEN s.level IS DISTINCT FROM given.quantity THEN %s END
              FROM unnest(%s::bigint[], %s::bigint[], %s::int[])
                   AS given(listing, version, quantity)
             WHERE s.listing_id = given.listing AND s.told_version < given.version
            """,
            [
                at,
                _look_at(at),
                at,
                [m.payload["listing"] for m in arrived],
                [m.payload["version"] for m in arrived],
                [m.payload["quantity"] for m in arrived],
            ],
        )
    for message in arrived:
        if message.case is not None:
            cases.resolve(case=message.case, resolution=f"{message.reference} arrived.", at=at)


def _record_failure(message: OutboxMessage, failure: Failure, at: datetime) -> None:
    OutboxAttempt.objects.create(
        message=message, at=at, outcome=failure.kind, detail=str(failure)[:2000]
    )
    message.last_error = f"{failure.kind}: {failure}"[:2000]
    decision = decide(failure, attempts=message.attempts, now=at)
    if isinstance(decision, GiveUp):
        _give_up(message, CaseKind.MARKETPLACER_REJECTED, decision.reason, at)
    else:
        message.state, message.not_before = State.PENDING, decision.until
    message.save()


def _give_up(message: OutboxMessage, kind: CaseKind, reason: str, at: datetime) -> None:
    message.state = State.FAILED
    message.case = cases.open_case(
        cause=Cause(
            kind,
            f"outbox:{message.operation}:{message.payload['listing']}",
            f"The stock of {message.reference} was not taken.",
            quote=reason,
        ),
        at=at,
    )


@transaction.atomic
def give_back(lease: UUID, claimed: Claimed, *, at: datetime, until: datetime) -> None:
    """Return what was claimed and surely not sent."""
    held = work.hold(OutboxMessage, lease=lease, pks=[message.pk for message, _ in claimed])
    work.release(held, at=at)
    for message in held:
        message.state, message.not_before = State.PENDING, until
    OutboxMessage.objects.bulk_update(
        held, ["state", "not_before", "lease", "lease_until", "unrecorded"]
    )


@transaction.atomic
def _park_poisoned(at: datetime) -> None:
    waiting = OutboxMessage.objects.filter(
        lane=Lane.STOCK, state__in=[State.PENDING, State.IN_FLIGHT]
    )
    for message in work.poisoned(waiting, at=at):
        OutboxAttempt.objects.create(message=message, at=at, outcome="poison")
        work.release([message], at=at)
        _give_up(message, CaseKind.POISON, "Each try ended the worker before it answered.", at)
        message.save()
