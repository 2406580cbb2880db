"""What the ERP holds for an invoice: recorded when accepted, read again until it is booked."""

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef

from mkterp.core.money import round_to_unit, to_minor
from sync import connections
from sync.domain.cases import CaseKind
from sync.domain.delivery import Failure
from sync.domain.documents import OrderPhase, OrderState, Written
from sync.models import ErpDocument, ExceptionCase, Invoice, LedgerDocument, OutboxMessage
from sync.services import cases, feeds, outbox
from sync.services.cases import Cause, Stake
from sync.services.outbox import Parcel

log = logging.getLogger(__name__)

# Under this key the ERP's order number is written to the invoice at Marketplacer.
EXTERNAL_ID_KEY = "erp_order"
READ_BACK_BATCH = 100
READ_BACK_BATCHES = 50  # in a run: a task has four minutes, and the next one goes on


def accepted(arrivals: Sequence[tuple[OutboxMessage, Any]], at: datetime) -> None:
    """The ERP accepted orders: mirror them, compare them, tell Marketplacer their numbers.

    Runs inside the recording transaction of the delivery.
    """
    by_posting = {message.pk: (message, answer) for message, answer in arrivals}
    read: list[tuple[Invoice, OrderState]] = []
    for invoice in (
        Invoice.objects.select_for_update(no_key=True, of=("self",))
        .filter(posting__in=by_posting)
        .select_related("seller")
        .order_by("pk")
    ):
        invoice.posting, answer = by_posting[invoice.posting_id]  # type: ignore[index]
        if not isinstance(answer, Written) or answer.order is None:
            raise TypeError(f"{invoice.posting} was delivered without the order it became")
        read.append((invoice, answer.order))
    invoices = [invoice.pk for invoice, _ in read]
    Invoice.objects.filter(pk__in=invoices).update(state=Invoice.State.POSTED)
    Invoice.cases.through.objects.filter(
        invoice__in=invoices, exceptioncase__kind=CaseKind.ERP_REJECTED
    ).delete()
    _mirror(read, at)
    outbox.enqueue(parcels=[_number_for(invoice, order) for invoice, order in read], at=at)


def _number_for(invoice: Invoice, order: OrderState) -> Parcel:
    return Parcel(
        lane=OutboxMessage.Lane.MARKETPLACER,
        operation="set_external_id",
        key=invoice.marketplacer_id,
        stream=f"external-id:{invoice.marketplacer_id}",
        reference=invoice.number,
        payload={
            "owner": invoice.marketplacer_id,
            "key": EXTERNAL_ID_KEY,
            "value": order.number or order.ref,
        },
    )


def refused(*, message: OutboxMessage, case: ExceptionCase) -> None:
    """The ERP refused an order: it waits with its case until a person has put it right."""
    for invoice in Invoice.objects.select_for_update(no_key=True, of=("self",)).filter(
        posting=message
    ):
        invoice.state = Invoice.State.FAILED
        invoice.save(update_fields=["state"])
        cases.hold(invoice=invoice, case=case)


def _mirror(read: Sequence[tuple[Invoice, OrderState]], at: datetime) -> None:
    """Write down what the ERP holds for each invoice, and compare it with what was sent."""
    known = {
        document.invoice_id: document
        for document in ErpDocument.objects.filter(invoice__in=[invoice for invoice, _ in read])
    }
    documents = [_document(invoice, state, known.get(invoice.pk), at) for invoice, state in read]
    ErpDocument.objects.bulk_create(
        documents,
        update_conflicts=True,
        unique_fields=["invoice"],
        update_fields=_READ,
    )
    _compare([(invoice, doc) for (invoice, _), doc in zip(read, documents, strict=True)], at)


# What a reading may change; when it was accepted is written once.
_READ = [
    "erp_ref", "number", "erp_state", "net", "tax", "gross", "currency", "read_at",
    "invoice_number", "booked_date", "booked_at",
]  # fmt: skip


def _document(
    invoice: Invoice, state: OrderState, known: ErpDocument | None, at: datetime
) -> ErpDocument:
    booked_at = known.booked_at if known is not None else None
    if state.phase == OrderPhase.BOOKED and booked_at is None:
        booked_at = at
    return ErpDocument(
        invoice=invoice,
        erp_ref=state.ref,
        number=state.number or "",
        erp_state=state.erp_state,
        net=state.net,
        tax=state.tax,
        gross=state.gross,
        currency=state.currency,
        accepted_at=at,
        read_at=at,
        invoice_number=state.invoice_number or "",
        booked_date=state.booked_on,
        booked_at=booked_at,
    )


def _compare(read: Sequence[tuple[Invoice, ErpDocument]], at: datetime) -> None:
    """What the ERP holds against what was sent, to the cent; a difference opens a case once."""
    equal: dict[str, ErpDocument] = {}
    for invoice, document in read:
        differences = _differences(invoice, document)
        key = f"differs:{invoice.marketplacer_id}"
        if not differences:
            equal[key] = document
            continue
        most = max(abs(held - sent) for _, held, sent in differences)
        said = [f"{part} {held:.2f} instead of {sent:.2f}" for part, held, sent in differences]
        cause = Cause(
            CaseKind.ERP_DIFFERS,
            key,
            f"The ERP's {document} for {invoice.number} holds {', '.join(said)}.",
            seller=invoice.seller,
            stake=Stake(
                to_minor(round_to_unit(most, invoice.currency), invoice.currency), invoice.currency
            ),
        )
        cases.hold(invoice=invoice, case=cases.open_case(cause=cause, at=at))
    for case in ExceptionCase.objects.filter(
        key__in=equal, kind=CaseKind.ERP_DIFFERS, state=ExceptionCase.State.OPEN
    ):
        document = equal[case.key]
        cases.resolve(
            case=case,
            resolution="The ERP holds what was sent.",
            at=at,
            proof={
                f"{part} sent and in the ERP": f"{getattr(document, part):.2f} {document.currency}"
                for part in ("net", "tax", "gross")
            },
        )


def _differences(invoice: Invoice, document: ErpDocument) -> list[tuple[str, Decimal, Decimal]]:
    """What differs: its name, what the ERP holds, what was sent."""
    if invoice.posting is None:
        raise TypeError(f"{invoice} has an ERP document and was never posted")
    sent = {part: Decimal(invoice.posting.payload[part]) for part in ("net", "tax", "gross")}
    held = {"net": document.net, "tax": document.tax, "gross": document.gross}
    return [(part, held[part], sent[part]) for part in sent if sent[part] != held[part]]


def read_back(*, clock: Callable[[], datetime]) -> int:
    """Read accepted documents until they are booked; returns how many were read.

    Those of which the ledger holds an invoice that is newer than our reading come first, up to
    five thousand; of the others, which wait for goods to leave, the hundred longest unread. Each
    hundred is kept as it is read: a run that is killed or fails is gone on with by the next.
    """
    if feeds.held_back(name="read_back", at=clock()):
        return 0
    failure: Failure | None = None
    read, asked = 0, set[int]()
    for _ in range(READ_BACK_BATCHES):
        if not (documents := _to_read(asked)):
            break
        asked.update(document.pk for document in documents)
        try:
            read += _read(documents, clock)
        except Failure as problem:
            failure = problem
            break
        if not all(document.told for document in documents):
            break
    if asked:
        feeds.told(name="read_back", failure=failure, at=clock(), counts={"read": read})
    return read


def _to_read(asked: Collection[int]) -> list[Any]:
    newer = LedgerDocument.objects.filter(
        invoice=OuterRef("invoice"), touched_at__gte=OuterRef("read_at")
    )
    return list(
        ErpDocument.objects.filter(booked_at=None)
        .exclude(invoice__state=Invoice.State.CANCELLED)
        .exclude(pk__in=asked)
        .annotate(told=Exists(newer))
        .order_by("-told", "read_at", "pk")[:READ_BACK_BATCH]
    )


def _read(documents: Sequence[ErpDocument], clock: Callable[[], datetime]) -> int:
    """Mirror these as the ERP holds them now. Raises Failure."""
    states = {
        state.ref: state
        for state in connections.erp().order_states([document.erp_ref for document in documents])
    }
    with transaction.atomic():
        at = clock()
        invoices = {
            invoice.pk: invoice
            for invoice in Invoice.objects.select_for_update(no_key=True, of=("self",))
            .filter(pk__in=[document.invoice_id for document in documents])
            .select_related("posting", "seller")
            .order_by("pk")
        }
        _mirror(
            [
                (invoices[document.invoice_id], states[document.erp_ref])
                for document in documents
                if document.erp_ref in states
            ],
            at,
        )
        # One that the ERP no longer has is asked for in its turn, and not before all others.
        missing = [document.pk for document in documents if document.erp_ref not in states]
        ErpDocument.objects.filter(pk__in=missing).update(read_at=at)
    return len(states)
