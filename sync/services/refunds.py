"""Cancellations, refunds and amendments of Marketplacer, followed by the ERP.

Each is a `Correction` under Marketplacer's own id, so that the same news twice is one. Whether the
order is lowered, taken back or credited is decided from the frozen order and what the ERP holds at
that moment; until that can be said it waits, and says for what.
"""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from mkterp.core import audit
from mkterp.core.errors import Refused
from mkterp.core.models import User
from mkterp.core.money import to_minor
from sync.domain.cases import CaseKind
from sync.models import Correction, ExceptionCase, Invoice, OutboxMessage
from sync.services import cases, lanes, outbox
from sync.services.cases import Cause, Stake

LOOK = "sync.tasks.look_at_corrections"
State, Kind = Correction.State, Correction.Kind


@transaction.atomic
def cancelled(*, invoice: Invoice, at: datetime) -> Correction:
    """An order was cancelled at Marketplacer after it was sent to the ERP: the ERP must follow."""
    row, created = cancellation(invoice, at)
    if created:
        lanes.wake(task=LOOK, at=at)
    return row


def cancellation(invoice: Invoice, at: datetime) -> tuple[Correction, bool]:
    """The correction that follows an order's cancellation, and whether it is new."""
    changed = invoice.changed_at.astimezone(settings.COMPANY_TIME_ZONE).date()
    return Correction.objects.get_or_create(
        key=f"cancel:{invoice.marketplacer_id}",
        defaults={
            "kind": Kind.CANCELLATION,
            "reference": f"{invoice.number} cancelled",
            "invoice": invoice,
            "amount_minor": to_minor(invoice.gross, invoice.currency),
            "currency": invoice.currency,
            "completed_date": changed,
            "heard_at": at,
        },
    )


# -- what became of it -------------------------------------------------------------------------


def settle(row: Correction, state: str, why: str, at: datetime) -> None:
    """Record what became of a correction; an open case of its own goes with it."""
    row.state, row.why, row.looked_at = state, why, at
    if state in (State.DONE, State.NOT_NEEDED):
        row.done_at = at
        if row.case is not None:
            cases.resolve(case=row.case, resolution=why or f"{row} is done.", at=at)
    row.save()


def park(row: Correction, kind: CaseKind, why: str, at: datetime) -> ExceptionCase:
    """A person must do something before the ERP can follow; the order shows the case too."""
    # The order is posted and holds nothing up; what it gives back is not in the books.
    stake = Stake(abs(row.amount_minor), row.currency)
    cause = Cause(kind, f"correction:{row.key}"[:200], why, seller=row.invoice.seller, stake=stake)
    row.case = cases.open_case(cause=cause, at=at)
    row.state, row.why, row.looked_at = State.PARKED, why, at
    row.save()
    cases.hold(invoice=row.invoice, case=row.case)
    return row.case


@transaction.atomic
def decide_again(*, correction: Correction, by: User, at: datetime) -> Correction:
    """A person has put the cause right: what was refused is given up and decided anew.

    Refused unless the correction is parked, and while a message of it is on its way. The ERP is
    asked for our key before anything is posted, so nothing is doubled.
    """
    row = Correction.objects.select_for_update(no_key=True, of=("self",)).get(pk=correction.pk)
    if row.state != State.PARKED:
        raise Refused(f"{row} is {row.get_state_display()}; only a parked one is decided again.")
    for name in ("closing", "crediting"):
        message: OutboxMessage | None = getattr(row, name)
        if message is None or message.state == OutboxMessage.State.DELIVERED:
            continue
        if not outbox.withdraw(message=message, reason="It was decided again.", at=at):
            raise Refused(f"{row} is on its way to the ERP; wait for the answer.")
        setattr(row, name, None)
    if row.case is not None:
        cases.resolve(case=row.case, resolution="It is decided again.", at=at, by=by)
    row.state, row.why, row.case, row.looked_at = State.WAITING, "Decided again.", None, None
    row.save()
    audit.record(
        action="correction.retry", subject=row, by=by, at=at, after={"state": State.WAITING}
    )
    lanes.wake(task=LOOK, at=at)
    return row


def refused(message: OutboxMessage, case: ExceptionCase) -> None:
    """The ERP refused what a correction asked: it waits with the case until a person decides."""
    for row in _of_message(message):
        row.state, row.case, row.why = State.PARKED, case, case.quote or case.cause
        row.save(update_fields=["state", "case", "why"])
        cases.hold(invoice=row.invoice, case=case)


def _of_message(message: OutboxMessage) -> Sequence[Correction]:
    return list(
        Correction.objects.select_for_update(no_key=True, of=("self",))
        .filter(key=message.payload["correction"])
        .select_related("invoice", "case")
    )
