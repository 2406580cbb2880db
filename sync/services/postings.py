"""What the ERP holds for an invoice: recorded when accepted, read again until it is booked."""

import logging
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction

from sync import connections
from sync.domain.cases import CaseKind
from sync.domain.delivery import Failure
from sync.domain.documents import OrderPhase, OrderState, Written
from sync.models import ErpDocument, ExceptionCase, Invoice, OutboxMessage
from sync.services import cases, feeds, outbox
from sync.services.cases import Cause
from sync.services.outbox import Parcel

log = logging.getLogger(__name__)

# Under this key the ERP's order number is written to the invoice at Marketplacer.
EXTERNAL_ID_KEY = "erp_order"
READ_BACK_BATCH = 100


def accepted(message: OutboxMessage, answer: Any, at: datetime) -> None:
    """The ERP accepted an order: mirror it, compare it, tell Marketplacer its number.

    Runs inside the recording transaction of the delivery.
    """
    if not isinstance(answer, Written) or answer.order is None:
        raise TypeError(f"{message} was delivered without the order it became")
    invoice = Invoice.objects.select_for_update(of=("self",)).get(posting=message)
    invoice.state = Invoice.State.POSTED
    invoice.save(update_fields=["state"])
    _mirror(invoice, answer.order, at)
    if cases_left := invoice.cases.filter(kind=CaseKind.ERP_REJECTED):
        invoice.cases.remove(*cases_left)
    outbox.enqueue(
        parcels=[
            Parcel(
                lane=OutboxMessage.Lane.MARKETPLACER,
                operation="set_external_id",
                key=invoice.marketplacer_id,
                stream=f"external-id:{invoice.marketplacer_id}",
                reference=invoice.number,
                payload={
                    "owner": invoice.marketplacer_id,
                    "key": EXTERNAL_ID_KEY,
                    "value": answer.order.number or answer.order.ref,
                },
            )
        ],
        at=at,
    )


def refused(*, message: OutboxMessage, case: ExceptionCase) -> None:
    """The ERP refused an order: it waits with its case until a person has put it right."""
    for invoice in Invoice.objects.select_for_update(of=("self",)).filter(posting=message):
        invoice.state = Invoice.State.FAILED
        invoice.save(update_fields=["state"])
        invoice.cases.add(case)


def _mirror(invoice: Invoice, state: OrderState, at: datetime) -> None:
    booked = state.phase == OrderPhase.BOOKED
    values = {
        "erp_ref": state.ref,
        "number": state.number or "",
        "erp_state": state.erp_state,
        "net": state.net,
        "tax": state.tax,
        "gross": state.gross,
        "currency": state.currency,
        "read_at": at,
        "invoice_number": state.invoice_number or "",
        "booked_date": state.booked_on,
    }
    document, created = ErpDocument.objects.update_or_create(
        invoice=invoice, defaults=values, create_defaults={**values, "accepted_at": at}
    )
    if booked and document.booked_at is None:
        document.booked_at = at
        document.save(update_fields=["booked_at"])
    _compare(invoice, document, at, first=created)


def _compare(invoice: Invoice, document: ErpDocument, at: datetime, *, first: bool) -> None:
    """What the ERP holds against what was sent, to the cent; a difference opens a case once."""
    posting = invoice.posting
    if posting is None:
        raise TypeError(f"{invoice} has an ERP document and was never posted")
    sent = {part: Decimal(posting.payload[part]) for part in ("net", "tax", "gross")}
    held = {"net": document.net, "tax": document.tax, "gross": document.gross}
    differences = [
        f"{part} {held[part]:.2f} instead of {sent[part]:.2f}"
        for part in sent
        if sent[part] != held[part]
    ]
    if differences:
        cause = Cause(
            CaseKind.ERP_DIFFERS,
            f"differs:{invoice.marketplacer_id}",
            f"The ERP's {document} for {invoice.number} holds {', '.join(differences)}.",
            seller=invoice.seller,
        )
        invoice.cases.add(cases.open_case(cause=cause, at=at))
    elif not first:
        for case in invoice.cases.filter(kind=CaseKind.ERP_DIFFERS, state=ExceptionCase.State.OPEN):
            cases.resolve(case=case, resolution="The ERP holds what was sent.", at=at)


def read_back(*, clock: Callable[[], datetime]) -> int:
    """Read accepted documents that are not booked yet, longest unread first; returns how many.

    Cheap to repeat: each run reads the next hundred.
    """
    documents = list(
        ErpDocument.objects.filter(booked_at=None).order_by("read_at", "pk")[:READ_BACK_BATCH]
    )
    if not documents or feeds.held_back(name="read_back", at=clock()):
        return 0
    failure: Failure | None = None
    states: list[OrderState] = []
    try:
        states = connections.erp().order_states([document.erp_ref for document in documents])
    except Failure as problem:
        failure = problem
    with transaction.atomic():
        by_ref = {state.ref: state for state in states}
        invoices = {
            invoice.pk: invoice
            for invoice in Invoice.objects.select_for_update(of=("self",))
            .filter(pk__in=[document.invoice_id for document in documents])
            .select_related("posting", "seller")
            .order_by("pk")
        }
        for document in documents:
            if (state := by_ref.get(document.erp_ref)) is not None:
                _mirror(invoices[document.invoice_id], state, clock())
    feeds.told(name="read_back", failure=failure, at=clock(), counts={"read": len(states)})
    return len(states)
