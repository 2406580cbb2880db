"""Journals of approved adjustments: made once, sent through the outbox, read back, taken back."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from mkterp.core.money import from_minor, to_minor
from reconciliation.domain import adjusting
from reconciliation.models import Journal, JournalLine
from reconciliation.services import calendar
from sync.domain.documents import JournalEntry
from sync.domain.documents import JournalLine as EntryLine
from sync.models import OutboxMessage
from sync.services import journals as wire
from sync.services import outbox

PREFIX = "tax:"
MESSAGE = OutboxMessage.State


@transaction.atomic
def make(
    *,
    day: date,
    currency: str,
    account: str,
    clearing: str,
    memo: str,
    lines: Sequence[EntryLine],
    by: User,
    at: datetime,
) -> Journal:
    """A balanced journal, approved by that person and queued for the ERP. Dated on the first day
    from `day` on that our close and the ERP leave open."""
    journal = _create(
        day=day, currency=currency, account=account, clearing=clearing, memo=memo, lines=lines,
        by=by, at=at,
    )  # fmt: skip
    entry = entry_of(journal)
    _queue(journal, wire.posting(entry=entry, reference=f"{journal}, {memo}"), at)
    return journal


def _create(
    *,
    day: date,
    currency: str,
    account: str,
    clearing: str,
    memo: str,
    lines: Sequence[EntryLine],
    by: User,
    at: datetime,
    reverses: Journal | None = None,
    reason: str = "",
) -> Journal:
    posting_date = calendar.posting_day(day)
    moved = f"{day:%d %b %Y} is closed." if posting_date != day else ""
    journal = Journal.objects.create(
        # Ours alone, whatever other installation posts into the same ERP.
        key=f"{PREFIX}{uuid.uuid4()}",
        day=day,
        posting_date=posting_date,
        currency=currency,
        account=account,
        clearing_account=clearing,
        memo=memo,
        approved_by=by,
        approved_at=at,
        reverses=reverses,
        reason=" ".join(filter(None, [reason, moved])),
    )
    JournalLine.objects.bulk_create(
        [
            JournalLine(
                journal=journal,
                position=position,
                account=line.account,
                party=line.party,
                debit=line.debit,
                credit=line.credit,
                memo=line.memo,
            )
            for position, line in enumerate(lines, 1)
        ]
    )
    return journal


def entry_of(journal: Journal) -> JournalEntry:
    """The journal as it goes to the ERP."""
    return JournalEntry(
        key=journal.key,
        posting_date=journal.posting_date,
        currency=journal.currency,
        memo=f"{journal}: {journal.memo}"[:300],
        lines=lines_of(journal),
    )


def lines_of(journal: Journal) -> tuple[EntryLine, ...]:
    """Its lines, amounts with the digits of their currency: an ERP refuses the database's four."""

    def own(amount: Decimal) -> Decimal:
        return from_minor(to_minor(amount, journal.currency), journal.currency)

    return tuple(
        EntryLine(line.account, own(line.debit), own(line.credit), line.memo, line.party)
        for line in journal.lines.order_by("position")
    )


def _queue(journal: Journal, parcel: outbox.Parcel, at: datetime) -> None:
    living = outbox.enqueue(parcels=[parcel], at=at)
    journal.posting = living[parcel.operation, parcel.key]
    journal.save(update_fields=["posting"])


@transaction.atomic
def delivered(*, message: OutboxMessage, at: datetime) -> None:
    """A journal of ours stands in the ledger, read back to the line: keep the day it has there."""
    day = (message.answer or {}).get("posting_date")
    for journal in Journal.objects.select_for_update(no_key=True, of=("self",)).filter(
        posting=message
    ):
        journal.booked_date = date.fromisoformat(day) if day else None
        journal.booked_at = at
        journal.save(update_fields=["booked_date", "booked_at"])


@transaction.atomic
def reverse(*, journal: Journal, by: User, at: datetime, reason: str) -> Journal:
    """Take a posted journal back by its opposite; the adjustments are prepared anew if they must.

    Refused unless it is posted, and when it is taken back already. The original stays.
    """
    if not reason.strip():
        raise Refused("Say why it is taken back.")
    locked = Journal.objects.select_for_update(no_key=True, of=("self",)).get(pk=journal.pk)
    if locked.reverses_id is not None:
        raise Refused(f"{locked} takes another journal back; it is not taken back itself.")
    other = Journal.objects.filter(reverses=locked).order_by("pk").first()
    if other is not None:
        raise Refused(f"{locked} is taken back already, by {other}.")
    if locked.posting is None or locked.posting.state != MESSAGE.DELIVERED:
        raise Refused(f"{locked} is not in the ERP's ledger yet; there is nothing to take back.")
    memo = f"Takes back {locked}: {reason}"[:300]
    lines = adjusting.opposite(lines_of(locked), memo)
    made = _create(
        day=locked.day,
        currency=locked.currency,
        account=locked.account,
        clearing=locked.clearing_account,
        memo=memo,
        lines=lines,
        by=by,
        at=at,
        reverses=locked,
        reason=reason,
    )
    _queue(
        made,
        wire.reversal(
            key=locked.key,
            as_key=made.key,
            posting_date=made.posting_date,
            memo=memo,
            reference=f"{made}, {memo}",
        ),
        at,
    )
    audit.record(
        action="journal.reverse",
        subject=locked,
        by=by,
        at=at,
        after={"reversed_by": made.key},
        reason=reason,
    )
    return made


def total(lines: Sequence[EntryLine]) -> Decimal:
    """The sum of the debits, which is that of the credits."""
    return sum((line.debit for line in lines), Decimal())
