"""Corrections on the wire to the ERP: each under its own key, looked for before it is posted."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from mkterp.core.money import from_minor, to_minor
from sync import connections
from sync.domain.delivery import Failure, Rejected
from sync.domain.documents import (
    CreditNoteDraft,
    DocumentKind,
    DocumentState,
    LineKind,
    OrderDraft,
    OrderLine,
    OrderPhase,
    OrderState,
    ReturnDraft,
    ReturnLine,
    WriteStatus,
    Written,
)
from sync.domain.refunds import Credit, Withdraw
from sync.erp.port import ErpPort
from sync.models import Correction, ErpDocument, Invoice, OutboxMessage
from sync.services import frozen, refunds
from sync.services.open_days import open_day
from sync.services.outbox import Parcel

Answer = Written | Failure | None
State = Correction.State


def _parcel(row: Correction, operation: str, payload: dict[str, Any]) -> Parcel:
    invoice = row.invoice
    return Parcel(
        lane=OutboxMessage.Lane.ERP,
        operation=operation,
        key=row.key,
        stream=f"correction:{row.key}"[:200],
        reference=f"{row.reference} of {invoice.number}",
        payload={
            "correction": row.key,
            "order": invoice.marketplacer_id,
            "ref": invoice.erp_document.erp_ref,
            **payload,
        },
    )


def cancel(row: Correction) -> Parcel:
    """Take the whole order back."""
    return _parcel(row, "cancel_order", {"reason": f"{row.reference} at Marketplacer"})


def amend(row: Correction, decision: Withdraw) -> Parcel:
    """Lower lines of an order that has not left yet."""
    return _parcel(
        row,
        "amend_order",
        {
            "quantities": {key: f"{n:f}" for key, n in decision.quantities.items()},
            "withdrawn": {key: f"{n:f}" for key, n in decision.withdrawn.items()},
            "gross_minor": dict(decision.gross_minor),
            "reason": f"{row.reference} at Marketplacer",
        },
    )


def credit(row: Correction, order: OrderDraft, decision: Credit) -> Parcel:
    """Give money back in the ledger, linked to the original; its day is chosen when it is sent."""
    if row.completed_date is None:
        raise TypeError(f"{row} is to be credited and was never completed")
    reasons = [line.get("reason", "") for line in (row.refund.lines if row.refund else [])]
    # The draft checks itself: lines add up, net and tax are the gross.
    draft = CreditNoteDraft(
        key=row.key,
        reference=row.reference,
        order_key=order.key,
        dated=row.completed_date,
        currency=order.currency,
        lines=decision.lines,
        net=decision.net,
        tax=decision.tax,
        gross=decision.net + decision.tax,
        reason="; ".join(dict.fromkeys(reason for reason in reasons if reason))[:200],
        attributes={
            "Marketplacer": row.reference,
            "Order": order.reference,
            "Refunded on": row.completed_date.isoformat(),
        },
    )
    return _parcel(row, "post_credit_note", {"draft": frozen.freeze(draft)})


# -- sending -----------------------------------------------------------------------------------


def _each(
    messages: Sequence[OutboxMessage], deed: Callable[[ErpPort, dict[str, Any]], Written]
) -> Sequence[Answer]:
    erp = connections.erp()
    answers: list[Answer] = []
    for message in messages:
        try:
            answers.append(deed(erp, message.payload))
        except Failure as failure:
            answers.append(failure)
    return answers


def send_cancel(messages: Sequence[OutboxMessage]) -> Sequence[Answer]:
    """Cancel orders. One that was invoiced meanwhile is not: it is decided again, to credit it."""
    return _each(messages, _cancel)


def _cancel(erp: ErpPort, payload: dict[str, Any]) -> Written:
    try:
        state = erp.cancel_order(payload["ref"], payload["reason"])
    except Rejected:
        documents = erp.find_documents([payload["order"]]).get(payload["order"], ())
        posted = {DocumentState.POSTED, DocumentState.PAID}
        if not any(d.kind is DocumentKind.INVOICE and d.state in posted for d in documents):
            raise
        (state,) = erp.order_states([payload["ref"]])
    return Written(state.ref, state.number, WriteStatus.CREATED, order=state)


def send_amend(messages: Sequence[OutboxMessage]) -> Sequence[Answer]:
    """Lower orders; a second run finds them lowered."""

    def deed(erp: ErpPort, payload: dict[str, Any]) -> Written:
        quantities = {key: Decimal(many) for key, many in payload["quantities"].items()}
        state = erp.amend_order(payload["ref"], quantities, payload["reason"])
        return Written(state.ref, state.number, WriteStatus.CREATED, order=state)

    return _each(messages, deed)


def send_credit(messages: Sequence[OutboxMessage]) -> Sequence[Answer]:
    """Post credit notes on the day of the refund, or the first open one after it."""
    periods = connections.erp().periods()

    def deed(erp: ErpPort, payload: dict[str, Any]) -> Written:
        day = open_day(periods, date.fromisoformat(payload["draft"]["dated"]))
        return erp.post_credit_note(thaw_credit(payload["draft"], day))

    return _each(messages, deed)


def thaw_credit(payload: dict[str, Any], dated: date) -> CreditNoteDraft:
    """The draft that was frozen, on the day that is open."""
    return CreditNoteDraft(
        key=payload["key"],
        reference=payload["reference"],
        order_key=payload["order_key"],
        dated=dated,
        currency=payload["currency"],
        lines=tuple(
            OrderLine(
                key=line["key"],
                kind=LineKind(line["kind"]),
                sku=line["sku"],
                description=line["description"],
                quantity=Decimal(line["quantity"]),
                unit_price=Decimal(line["unit_price"]),
                net=Decimal(line["net"]),
                tax=Decimal(line["tax"]),
                tax_code=line["tax_code"],
            )
            for line in payload["lines"]
        ),
        net=Decimal(payload["net"]),
        tax=Decimal(payload["tax"]),
        gross=Decimal(payload["gross"]),
        reason=payload["reason"],
        attributes=payload["attributes"],
    )


def send_return(messages: Sequence[OutboxMessage]) -> Sequence[Answer]:
    """Announce goods to the warehouse."""

    def deed(erp: ErpPort, payload: dict[str, Any]) -> Written:
        return erp.submit_return(
            ReturnDraft(
                key=payload["key"],
                reference=payload["reference"],
                order_key=payload["order"],
                expected_on=date.fromisoformat(payload["expected_on"]),
                lines=tuple(
                    ReturnLine(x["line"], x["sku"], Decimal(x["quantity"]))
                    for x in payload["lines"]
                ),
                reason=payload["reason"],
            )
        )

    return _each(messages, deed)


# -- arrivals ----------------------------------------------------------------------------------


def _rows(messages: Sequence[OutboxMessage]) -> dict[str, Correction]:
    rows = (
        Correction.objects.select_for_update(no_key=True, of=("self",))
        .filter(key__in=[message.payload["correction"] for message in messages])
        .select_related("invoice", "case")
        .order_by("pk")
    )
    return {row.key: row for row in rows}


def closed(arrivals: Sequence[tuple[OutboxMessage, Answer]], at: datetime) -> None:
    """Orders were cancelled or lowered. What money is left to give back is decided next."""
    rows = _rows([message for message, _ in arrivals])
    for message, answer in arrivals:
        row = rows[message.payload["correction"]]
        order = answer.order if isinstance(answer, Written) else None
        if order is None:
            raise TypeError(f"{message} arrived without the order it became")
        _read_back(row.invoice, order, at)
        if order.phase is OrderPhase.CANCELLED:
            Invoice.objects.filter(pk=row.invoice_id).update(state=Invoice.State.CANCELLED)
            refunds.settle(row, State.DONE, "The ERP has cancelled the order.", at)
            continue
        if message.operation == "cancel_order":
            row.closing = None  # it was invoiced meanwhile: credited instead
        row.state, row.looked_at, row.why = State.WAITING, None, ""
        row.save(update_fields=["closing", "state", "looked_at", "why"])


def _read_back(invoice: Invoice, order: OrderState, at: datetime) -> None:
    ErpDocument.objects.filter(invoice=invoice).update(erp_state=order.erp_state, read_at=at)


def credited(arrivals: Sequence[tuple[OutboxMessage, Answer]], at: datetime) -> None:
    """Credit notes are in the ledger: what they hold is kept beside what was wanted."""
    rows = _rows([message for message, _ in arrivals])
    for message, answer in arrivals:
        row = rows[message.payload["correction"]]
        document = answer.document if isinstance(answer, Written) else None
        if document is None:
            raise TypeError(f"{message} arrived without its credit note")
        row.credit_ref, row.credit_number = document.ref, document.number or ""
        row.credit_date = document.dated
        row.credit_net, row.credit_tax = -document.net, -document.tax
        row.credit_gross = -document.gross
        given = row.withdrawn_minor + to_minor(-document.gross, row.currency)
        row.residue_minor = row.amount_minor - given
        sum_ = from_minor(to_minor(-document.gross, row.currency), row.currency)
        why = f"Credited as {row.credit_number or row.credit_ref}: {sum_:.2f} {row.currency}."
        refunds.settle(row, State.DONE, why, at)
