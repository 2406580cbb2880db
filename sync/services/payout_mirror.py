"""The mirrors of settlement, written from what the inbox holds. Called by `payouts` only."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db.models import Max

from mapping.models import Seller
from mkterp.core.money import to_minor
from sync.domain.cases import CaseKind
from sync.domain.settlement import (
    AdviceValue,
    AmendmentKind,
    AmendmentValue,
    InvoiceMoneyValue,
    RefundValue,
    RemittanceValue,
    amendment_gross,
    explain_amendments,
)
from sync.marketplacer import parse_payouts
from sync.marketplacer.parse import Unreadable
from sync.models import (
    AdviceLine,
    Amendment,
    ExceptionCase,
    InboxMessage,
    Invoice,
    Refund,
    Remittance,
    RemittanceAdvice,
)
from sync.services import cases, refunds_hear
from sync.services.cases import Cause

State = InboxMessage.State

MONEY, REMITTANCE, ADVICE = "InvoiceMoney", "Remittance", "RemittanceAdvice"


def take(*, messages: Sequence[InboxMessage], at: datetime) -> None:
    """Mirror what these messages say; sets state and note on them, the caller saves them.

    Of several readings of one thing the latest counts. What cannot be read opens a case; what
    names an invoice that is not mirrored yet stays NEW and says so.
    """
    latest: dict[tuple[str, str], InboxMessage] = {}
    for message in sorted(messages, key=lambda m: (m.received_at, m.pk)):
        message.state, message.note = State.DONE, ""
        older = latest.get((message.typename, message.node_id))
        if older is not None:
            older.note = "a later reading came with it"
        latest[message.typename, message.node_id] = message
    read: dict[str, list[tuple[InboxMessage, Any]]] = {MONEY: [], REMITTANCE: [], ADVICE: []}
    worked = _worked(latest)
    for (typename, node_id), message in sorted(latest.items()):
        newest = worked.get((typename, node_id))
        if newest is not None and newest > message.received_at:
            message.state, message.note = State.IGNORED, "older than what we hold"
            continue
        try:
            read[typename].append((message, _parse(typename, message.body)))
        except Unreadable as problem:
            _unreadable(message, str(problem), at)
    _resolve_unreadable([message for rows in read.values() for message, _ in rows], at)
    _money(read[MONEY], at)
    # Advices last: their remittances are part of them, and the latest reading of each wins.
    told = {value.marketplacer_id: (message, value) for message, value in read[REMITTANCE]}
    for message, advice in read[ADVICE]:
        for value in advice.remittances:
            held = told.get(value.marketplacer_id)
            if held is None or held[0].received_at <= message.received_at:
                told[value.marketplacer_id] = (message, value)
    remittances = _remittances(told, at)
    _advices(read[ADVICE], remittances, at)


def _worked(keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], datetime]:
    """When the newest reading of each that was worked came in: one read again later is older."""
    rows = InboxMessage.objects.filter(
        source=InboxMessage.Source.NODE,
        node_id__in={node_id for _, node_id in keys},
        state=State.DONE,
    ).order_by()
    newest = rows.values("typename", "node_id").annotate(newest=Max("received_at"))
    return {(row["typename"], row["node_id"]): row["newest"] for row in newest}


def _parse(typename: str, body: Any) -> Any:
    currency = settings.COMPANY_CURRENCY
    if typename == MONEY:
        return parse_payouts.invoice_money(body)
    if typename == REMITTANCE:
        return parse_payouts.remittance(body, currency)
    return parse_payouts.advice(body, currency)


def _unreadable(message: InboxMessage, problem: str, at: datetime) -> None:
    message.state, message.note = State.UNREADABLE, problem
    cause = Cause(
        CaseKind.UNREADABLE_MESSAGE,
        f"node:{message.typename}:{message.node_id}",
        f"Marketplacer sent a {message.typename} that cannot be read: {problem}",
    )
    cases.open_case(cause=cause, at=at)


def _resolve_unreadable(messages: Iterable[InboxMessage], at: datetime) -> None:
    keys = [f"node:{message.typename}:{message.node_id}" for message in messages]
    for case in ExceptionCase.objects.filter(
        kind=CaseKind.UNREADABLE_MESSAGE, key__in=keys, state=ExceptionCase.State.OPEN
    ):
        cases.resolve(case=case, resolution="A later version could be read.", at=at)


def company_day(moment: datetime) -> date:
    """The day of a moment where the company's books are kept."""
    return moment.astimezone(settings.COMPANY_TIME_ZONE).date()


# -- refunds and amendments -----------------------------------------------------------------------


def _money(read: Sequence[tuple[InboxMessage, InvoiceMoneyValue]], at: datetime) -> None:
    invoices = Invoice.objects.in_bulk(
        [value.invoice_id for _, value in read], field_name="marketplacer_id"
    )
    for message, value in read:
        invoice = invoices.get(value.invoice_id)
        if invoice is None:
            message.state, message.note = State.NEW, "its invoice has not been read yet"
            continue
        explained = explain_amendments(value)
        completed = {
            refund.marketplacer_id: amendment.created_at
            for amendment in value.amendments
            if (refund := explained[amendment.marketplacer_id][1]) is not None
        }
        refunds = {
            refund.marketplacer_id: _refund(
                invoice, refund, completed.get(refund.marketplacer_id), message
            )
            for refund in value.refunds
        }
        for amendment in value.amendments:
            kind, refund = explained[amendment.marketplacer_id]
            row = refunds[refund.marketplacer_id] if refund else None
            _amendment(invoice, amendment, kind, refund, row, message, at)
    refunds_hear.heard(invoices=list(invoices.values()), at=at)


def _refund(
    invoice: Invoice, value: RefundValue, completed_at: datetime | None, message: InboxMessage
) -> Refund:
    row, _ = Refund.objects.update_or_create(
        marketplacer_id=value.marketplacer_id,
        defaults={
            "legacy_id": value.legacy_id,
            "invoice": invoice,
            "status": value.status,
            "currency": invoice.currency,
            "amount_minor": value.amount_minor,
            "cash_minor": value.cash_minor,
            "recovered_minor": value.recovered_minor,
            "commission_minor": value.commission_minor,
            "lines": [vars(line) for line in value.lines],
            "requested_at": value.requested_at,
            "completed_at": completed_at,
            "completed_date": completed_at and company_day(completed_at),
            "source": message,
        },
    )
    return row


def _amendment(
    invoice: Invoice,
    value: AmendmentValue,
    kind: AmendmentKind,
    refund: RefundValue | None,
    refund_row: Refund | None,
    message: InboxMessage,
    at: datetime,
) -> None:
    cancelled = to_minor(invoice.gross, invoice.currency) if kind == "CANCELLATION" else None
    facts = {
        "legacy_id": value.legacy_id,
        "invoice": invoice,
        "refund": refund_row,
        "kind": kind.value,
        "currency": invoice.currency,
        "gross_minor": amendment_gross(value, refund, cancelled),
        "commission_minor": value.commission_minor,
        "commission_tax_minor": value.commission_tax_minor,
        "lines": [vars(line) for line in value.lines],
        "completed_at": value.created_at,
        "completed_date": company_day(value.created_at),
    }
    held = Amendment.objects.filter(marketplacer_id=value.marketplacer_id).first()
    if held is not None and all(getattr(held, name) == known for name, known in facts.items()):
        return
    Amendment.objects.update_or_create(
        marketplacer_id=value.marketplacer_id,
        defaults={**facts, "touched_at": at, "source": message},
    )


# -- remittances and advices ----------------------------------------------------------------------

_REMITTANCE = [
    "origin", "seller", "amount_minor", "commission_minor", "released", "pending_reasons",
    "seen_at", "touched_at", "gone_at", "source",
]  # fmt: skip


def _sellers(ids: Iterable[str]) -> Mapping[str, Seller]:
    return Seller.objects.in_bulk(set(ids) - {""}, field_name="marketplacer_id")


def _remittances(
    told: Mapping[str, tuple[InboxMessage, RemittanceValue]], at: datetime
) -> dict[str, Remittance]:
    sellers = _sellers(value.seller_id for _, value in told.values())
    held = {
        row.marketplacer_id: row
        for row in Remittance.objects.select_for_update(no_key=True, of=("self",))
        .filter(marketplacer_id__in=told)
        .order_by("marketplacer_id")
    }
    new, changed, seen = [], [], []
    for marketplacer_id in sorted(told):
        message, value = told[marketplacer_id]
        facts = {
            "origin": value.origin,
            "seller": sellers.get(value.seller_id),
            "amount_minor": value.amount_minor,
            "commission_minor": value.commission_minor,
            "released": value.released,
            "pending_reasons": list(value.pending_reasons),
            "gone_at": None,
        }
        row = held.get(marketplacer_id)
        if row is None:
            row = Remittance(
                marketplacer_id=marketplacer_id,
                currency=settings.COMPANY_CURRENCY,
                created_at=value.created_at,
                created_date=company_day(value.created_at),
                **facts,
                seen_at=at,
                touched_at=at,
                source=message,
            )
            held[marketplacer_id] = row
            new.append(row)
        elif any(getattr(row, name) != known for name, known in facts.items()):
            for name, known in facts.items():
                setattr(row, name, known)
            row.seen_at, row.touched_at, row.source = at, at, message
            changed.append(row)
        else:
            seen.append(row.pk)
    Remittance.objects.bulk_create(new)
    Remittance.objects.bulk_update(changed, _REMITTANCE, batch_size=100)
    Remittance.objects.filter(pk__in=seen).update(seen_at=at)
    return held


def _advices(
    read: Sequence[tuple[InboxMessage, AdviceValue]],
    remittances: Mapping[str, Remittance],
    at: datetime,
) -> None:
    sellers = _sellers(value.seller_id for _, value in read)
    for message, value in read:
        facts = {
            "legacy_id": value.legacy_id,
            "seller": sellers.get(value.seller_id),
            "currency": settings.COMPANY_CURRENCY,
            "total_minor": value.total_minor,
            "commission_minor": value.commission_minor,
            "issued_at": value.created_at,
            "issued_date": company_day(value.created_at),
            "paid_at": value.paid_at,
            "paid_minor": value.paid_minor,
            "payment_reference": value.payment_reference[:200],
        }
        wanted = {remittances[r.marketplacer_id].pk for r in value.remittances}
        held = RemittanceAdvice.objects.filter(marketplacer_id=value.marketplacer_id).first()
        lines = set(held.lines.values_list("remittance", flat=True)) if held else set()
        same = held is not None and all(getattr(held, n) == known for n, known in facts.items())
        if same and lines == wanted:
            continue
        row, _ = RemittanceAdvice.objects.update_or_create(
            marketplacer_id=value.marketplacer_id,
            defaults={**facts, "touched_at": at, "source": message},
        )
        AdviceLine.objects.filter(advice=row).exclude(remittance__in=wanted).delete()
        AdviceLine.objects.bulk_create(
            [AdviceLine(advice=row, remittance_id=pk) for pk in sorted(wanted - lines)],
            ignore_conflicts=True,
        )
        # A remittance is looked at again when the advice it stands on changes.
        Remittance.objects.filter(pk__in=wanted ^ lines).update(touched_at=at)
