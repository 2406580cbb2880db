"""What was mirrored of refunds and amendments, taken up as corrections and returns."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from sync.models import Amendment, Correction, Invoice, Refund
from sync.services import lanes, refunds, refunds_goods

State, Kind = Correction.State, Correction.Kind
DENIED = {"DENIED", "REFUND_DENIED"}
ASKED_WORDS = {
    "AWAITING": "Marketplacer waits for the goods or for approval.",
    "RETURNED": "The goods are back; the money is not paid yet.",
    "PROCESSED": "It is approved; the money is not paid yet.",
}


@transaction.atomic
def heard(*, invoices: Iterable[Invoice], at: datetime) -> int:
    """Take up what these orders' refunds and amendments ask of the ERP; returns how many are new.

    A second run changes nothing. Amendments that only move the settlement ask nothing.
    """
    new = 0
    for invoice in invoices:
        for refund in invoice.refunds.order_by("pk"):
            refunds_goods.announce(refund=refund, at=at)
            new += _of_refund(invoice, refund, at)
        for amendment in invoice.amendments.order_by("pk"):
            new += _of_amendment(invoice, amendment, at)
    if new:
        lanes.wake(task=refunds.LOOK, at=at)
    return new


def _of_refund(invoice: Invoice, refund: Refund, at: datetime) -> int:
    """Keep a request as soon as it is heard of; it asks something of the ERP once it is paid."""
    amendment = Amendment.objects.filter(refund=refund).first()
    amount = refund.amount_minor if refund.cash_minor is None else refund.cash_minor
    row, _ = Correction.objects.select_for_update(no_key=True, of=("self",)).get_or_create(
        key=refund.marketplacer_id,
        defaults={
            "kind": Kind.REFUND,
            "state": State.ASKED,
            "reference": str(refund),
            "invoice": invoice,
            "refund": refund,
            "amount_minor": amount,
            "currency": refund.currency,
            "heard_at": at,
        },
    )
    if row.state == State.NOT_NEEDED and refund.completed_at is not None:
        row.state = State.ASKED  # denied first, paid after all
    if row.state != State.ASKED:
        return 0
    if amendment is not None and (other := _by_itself(amendment)) is not None:
        if other.state not in (State.WAITING, State.NOT_NEEDED):
            # Credited before we knew whose it was: once is enough.
            row.state, row.why = State.NOT_NEEDED, f"{other} followed its amendment already."
            row.save(update_fields=["state", "why"])
            return 0
        other.state, other.why, other.amendment = State.NOT_NEEDED, "It belongs to a refund.", None
        other.save(update_fields=["state", "why", "amendment"])
    row.amount_minor, row.amendment = amount, amendment
    row.completed_date = refund.completed_date
    row.why = ASKED_WORDS.get(refund.status, "")
    if refund.completed_at is not None:
        row.state, row.why = State.WAITING, ""
    elif refund.status in DENIED:
        row.state, row.why = State.NOT_NEEDED, "It was denied at Marketplacer."
    row.save()
    return int(row.state == State.WAITING)


def _by_itself(amendment: Amendment) -> Correction | None:
    """What was made of an amendment that was taken for one made by hand: its request came later."""
    return (
        Correction.objects.select_for_update(no_key=True, of=("self",))
        .filter(key=amendment.marketplacer_id, amendment=amendment)
        .first()
    )


def _followed(amendment: Amendment) -> bool:
    """Whether something follows it already: a later reading may take it for another thing."""
    return Correction.objects.filter(amendment=amendment).exists()


def _of_amendment(invoice: Invoice, amendment: Amendment, at: datetime) -> int:
    if amendment.kind == Amendment.Kind.CANCELLATION:
        row, created = refunds.cancellation(invoice, at)
        if row.amendment_id is None and not _followed(amendment):
            row.amendment, row.completed_date = amendment, amendment.completed_date
            row.save(update_fields=["amendment", "completed_date"])
        return int(created)
    if amendment.kind == Amendment.Kind.REFUND:
        return 0  # its refund follows it
    if not amendment.gross_minor or _followed(amendment):
        return 0
    return _new(
        key=amendment.marketplacer_id,
        kind=Kind.AMENDMENT,
        reference=f"AM-{amendment.legacy_id}",
        invoice=invoice,
        amendment=amendment,
        amount_minor=-amendment.gross_minor,
        currency=amendment.currency,
        completed_date=amendment.completed_date,
        heard_at=at,
    )


def _new(**facts: Any) -> int:
    _, created = Correction.objects.get_or_create(key=facts.pop("key"), defaults=facts)
    return int(created)
