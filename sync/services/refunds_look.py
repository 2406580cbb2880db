"""Corrections that wait, looked at against what the ERP holds now: ask, decide, queue."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Q, QuerySet

from mapping.models import TaxCodeMapping
from sync import connections
from sync.domain.cases import CaseKind
from sync.domain.credit_lines import rates_of
from sync.domain.delivery import Failure
from sync.domain.documents import OrderDraft, OrderState, PostedDocument
from sync.domain.refunds import (
    Can,
    Cancel,
    Credit,
    Decision,
    GivenBack,
    InErp,
    Refuse,
    Settled,
    Wait,
    Withdraw,
    decide_cancellation,
    decide_refund,
    held,
)
from sync.models import Correction, ErpShipment, Invoice, OutboxMessage
from sync.services import feeds, frozen, outbox, refunds, refunds_send, shipments, work

log = logging.getLogger(__name__)

State, Kind = Correction.State, Correction.Kind
BATCH = 50
# An order that is not booked yet is asked about again after this.
AGAIN = timedelta(minutes=10)


def look(*, clock: Callable[[], datetime]) -> int:
    """Decide on what can be decided; returns how many corrections moved.

    One worker looks at a time. Cheap to repeat: what cannot be decided yet costs no call.
    """
    if feeds.held_back(name="corrections", at=clock()) or not work.try_lane_lock("corrections"):
        return 0
    moved = 0
    try:
        moved += _without_the_erp(clock())
        while True:
            asked, more = _ask_and_decide(clock)
            moved += more
            if asked < BATCH:
                return moved
    finally:
        work.release_lane_lock("corrections")


def _waiting() -> QuerySet[Correction]:
    return Correction.objects.filter(state=State.WAITING)


@transaction.atomic
def _without_the_erp(at: datetime) -> int:
    """What needs no look into the ERP: orders that never reached it, and those not there yet."""
    moved = 0
    rows = _waiting().exclude(invoice__state=Invoice.State.POSTED)
    for row in rows.select_for_update(no_key=True, of=("self",)).select_related(
        "invoice__seller", "case"
    )[:500]:
        state = row.invoice.state
        if state == Invoice.State.CANCELLED:
            refunds.settle(row, State.NOT_NEEDED, "The order is not in the ERP.", at)
        elif state == Invoice.State.HISTORIC:
            refunds.park(
                row,
                CaseKind.REFUND_UNPLACED,
                f"{row} is of {row.invoice.number}, which was placed before go-live and is not in "
                "the ERP as ours.",
                at,
            )
        elif state == Invoice.State.FAILED and row.kind == Kind.CANCELLATION:
            moved += _never_arrived(row, at)
            continue
        else:
            why = f"The order is {row.invoice.get_state_display()}; it must be in the ERP first."
            if row.why != why:
                row.why = why
                row.save(update_fields=["why"])
            continue
        moved += 1
    return moved


def _never_arrived(row: Correction, at: datetime) -> int:
    """The ERP refused the order, and then it was cancelled: there is nothing to take back."""
    invoice = row.invoice
    if invoice.posting is None or not outbox.withdraw(
        message=invoice.posting, reason="It was cancelled at Marketplacer.", at=at
    ):
        return 0
    Invoice.objects.filter(pk=invoice.pk).update(state=Invoice.State.CANCELLED, posting=None)
    refunds.settle(row, State.NOT_NEEDED, "The ERP had refused the order.", at)
    return 1


def _ask_and_decide(clock: Callable[[], datetime]) -> tuple[int, int]:
    at = clock()
    due = (
        _waiting()
        .filter(
            Q(looked_at=None)
            | Q(looked_at__lt=at - AGAIN)
            | Q(looked_at__lt=F("invoice__erp_document__booked_at")),
            invoice__state=Invoice.State.POSTED,
            invoice__erp_document__isnull=False,
        )
        .select_related("invoice__erp_document")
        .order_by(F("looked_at").asc(nulls_first=True), "pk")
    )
    asked = list(due[:BATCH])
    if not asked:
        return 0, 0
    orders = {row.invoice.marketplacer_id: row.invoice.erp_document.erp_ref for row in asked}
    try:
        erp = connections.erp()
        states = {state.ref: state for state in erp.order_states(sorted(set(orders.values())))}
        documents = erp.find_documents(sorted(orders))
    except Failure as failure:
        feeds.told(name="corrections", failure=failure, at=clock(), counts={})
        return 0, 0
    moved = 0
    for pk in sorted(row.pk for row in asked):
        moved += _decide(pk, states, documents, clock())
    feeds.told(
        name="corrections", failure=None, at=clock(), counts={"asked": len(asked), "moved": moved}
    )
    return len(asked), moved


@transaction.atomic
def _decide(
    pk: int,
    states: Mapping[str, OrderState],
    documents: Mapping[str, Sequence[PostedDocument]],
    at: datetime,
) -> int:
    row = (
        Correction.objects.select_for_update(no_key=True, of=("self",))
        .select_related("invoice__erp_document", "invoice__posting", "invoice__seller")
        .select_related("refund", "amendment", "closing", "case")
        .get(pk=pk)
    )
    invoice = row.invoice
    state = states.get(invoice.erp_document.erp_ref)
    if row.state != State.WAITING or state is None or invoice.posting is None:
        return 0
    moving = Correction.objects.filter(invoice=invoice, state=State.QUEUED)
    if moving.exists():  # one at a time, so that what is left of each line is known
        Correction.objects.filter(pk=pk).update(why="Another correction of the order goes first.")
        return 0
    order = frozen.thaw_order(invoice.posting.payload)
    books = held(
        state.phase, state.withdrawn, documents.get(invoice.marketplacer_id, ()), _shipped(invoice)
    )
    decision = _decision(row, order, books)
    log.info("correction %s: %s", row, type(decision).__name__.lower())
    return _carry_out(row, order, decision, at)


def _shipped(invoice: Invoice) -> dict[str, Decimal]:
    shipped: dict[str, Decimal] = {}
    gone = invoice.erp_shipments.filter(phase=ErpShipment.Phase.SHIPPED)
    for lines in gone.values_list("lines", flat=True):
        for line in lines:
            many = Decimal(line["quantity"])
            shipped[line["line"]] = shipped.get(line["line"], Decimal(0)) + many
    return shipped


def _decision(row: Correction, order: OrderDraft, books: InErp) -> Decision:
    able = connections.erp_capabilities()
    can = Can(
        cancel=able.order_cancel and able.accepted_cancel,
        amend=able.order_amend,
        credit=able.credit_notes,
        arithmetic=able.arithmetic,
    )
    rates = rates_of(order, _known_rates(order), can.arithmetic)
    if row.kind == Kind.CANCELLATION:
        return decide_cancellation(order, rates, books, can)
    return decide_refund(
        order,
        parts_of(row),
        reference=row.reference,
        amount_minor=row.amount_minor,
        taken_minor=row.closing.payload.get("gross_minor", {}) if row.closing else {},
        closed=row.closing is not None,
        packs={line.key: line.pack for line in shipments.sold_lines(row.invoice)},
        rates=rates,
        erp=books,
        can=can,
    )


def _known_rates(order: OrderDraft) -> dict[str, list[Decimal]]:
    """Every rate that a tax code of the order was ever mapped with."""
    codes = {line.tax_code for line in order.lines if line.tax_code}
    known: dict[str, list[Decimal]] = {}
    rows = TaxCodeMapping.objects.filter(erp_code__in=codes).order_by("pk")
    for code, rate in rows.values_list("erp_code", "erp_rate"):
        known.setdefault(code, []).append(rate)
    return known


def parts_of(row: Correction) -> list[GivenBack]:
    """What was given back, by line; whether it had left says the amendment only."""
    left = {
        line["line_id"]: line["dispatched"]
        for line in (row.amendment.lines if row.amendment else [])
        if line["line_id"]
    }
    if row.refund is not None:
        return [
            GivenBack(
                line["line_id"],
                line["custom"],
                line["quantity"] if line["line_id"] else 0,
                line["amount_minor"],
                left.get(line["line_id"]),
            )
            for line in row.refund.lines
            if line["status"] != "REFUND_DENIED"
        ]
    # An amendment made by hand says no quantity: money only, whatever it was for.
    lines = row.amendment.lines if row.amendment else []
    return [
        GivenBack(x["line_id"], x["custom"], 0, -x["each_minor"] * x["quantity"], True)
        for x in lines
    ]


def _carry_out(row: Correction, order: OrderDraft, decision: Decision, at: datetime) -> int:
    if isinstance(decision, Wait):
        row.why, row.looked_at = decision.why, at
        row.save(update_fields=["why", "looked_at"])
        return 0
    if isinstance(decision, Refuse):
        refunds.park(row, decision.kind, decision.why, at)
        return 1
    if isinstance(decision, Settled):
        row.residue_minor = decision.residue_minor
        refunds.settle(row, State.DONE, decision.why, at)
        return 1
    if isinstance(decision, Credit):
        row.crediting = _queue(row, refunds_send.credit(row, order, decision), at)
    elif isinstance(decision, Withdraw):
        row.closing = _queue(row, refunds_send.amend(row, decision), at)
        row.withdrawn_minor = sum(decision.gross_minor.values())
    elif isinstance(decision, Cancel):
        row.closing = _queue(row, refunds_send.cancel(row), at)
    row.state, row.why, row.looked_at = State.QUEUED, "", at
    row.save()
    return 1


def _queue(row: Correction, parcel: outbox.Parcel, at: datetime) -> OutboxMessage:
    return outbox.enqueue(parcels=[parcel], at=at)[parcel.operation, parcel.key]
