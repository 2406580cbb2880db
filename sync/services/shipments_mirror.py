"""Shipments as Marketplacer holds them: sellers' own as information, ours as the proof.

Every shipment of an order that changed is mirrored. Ours are known by the key in their note; the
same key twice, or more pieces than were sold, is a case.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from sync import connections
from sync.domain.cases import CaseKind
from sync.domain.fulfilment import HeldShipment, InvoiceShipments, find_told
from sync.marketplacer.parse import Unreadable
from sync.marketplacer.shipments import invoice_shipments
from sync.models import Invoice, InvoiceLine, Shipment
from sync.services import cases, pulls
from sync.services.cases import Cause

# An order that is not mirrored yet comes with the next poll; the feed reads its shipments again.
WAIT_FOR_INVOICE = timedelta(minutes=15)


def pull(*, clock: Callable[[], datetime]) -> Mapping[str, int]:
    """Shipments of the orders that changed at Marketplacer since the last read, mirrored."""

    def read(since: datetime | None, page: str | None) -> pulls.Batch:
        found = connections.marketplacer().invoice_shipments_page(updated_since=since, after=page)
        nodes = [node for node in found.nodes if node.get("shipments")]
        return pulls.Batch(
            lambda at: take(nodes=nodes, at=at),
            found.next_page,
            _newest(found.newest, nodes, clock()),
        )

    start = settings.GO_LIVE_AT - pulls.OVERLAP
    return pulls.pull(name="shipments", read=read, clock=clock, start=start)


def _newest(
    newest: datetime | None, nodes: Sequence[Mapping[str, Any]], at: datetime
) -> datetime | None:
    """How far this page was read: not past an order that we do not hold yet."""
    ids = {str(node["id"]) for node in nodes}
    known = set(
        Invoice.objects.filter(marketplacer_id__in=ids).values_list("marketplacer_id", flat=True)
    )
    missing = [
        datetime.fromisoformat(node["updatedAt"]) for node in nodes if node["id"] not in known
    ]
    waiting = [moment for moment in missing if moment > at - WAIT_FOR_INVOICE]
    return min([*waiting, *([newest] if newest else [])], default=None)


@transaction.atomic
def take(*, nodes: Sequence[Mapping[str, Any]], at: datetime) -> Mapping[str, int]:
    """Mirror the shipments of these orders; returns counts. A second run changes nothing."""
    counts = {"read": 0, "order not read yet": 0, "unreadable": 0}
    values: list[InvoiceShipments] = []
    for node in nodes:
        try:
            values.append(invoice_shipments(node))
        except Unreadable as problem:
            counts["unreadable"] += 1
            _unreadable(str(node.get("id") or ""), str(problem), at)
    invoices = {
        invoice.marketplacer_id: invoice
        for invoice in Invoice.objects.select_for_update(no_key=True, of=("self",))
        .filter(marketplacer_id__in=[value.invoice_id for value in values])
        .select_related("seller")
        .order_by("pk")
    }
    for value in values:
        invoice = invoices.get(value.invoice_id)
        if invoice is None:
            counts["order not read yet"] += 1
            continue
        counts["read"] += len(value.shipments)
        _mirror(invoice, value, at)
    return counts


def _unreadable(node_id: str, problem: str, at: datetime) -> None:
    cause = Cause(
        CaseKind.UNREADABLE_MESSAGE,
        f"node:Shipment:{node_id}"[:200],
        f"Marketplacer sent shipments that cannot be read: {problem}",
    )
    cases.open_case(cause=cause, at=at)


def _mirror(invoice: Invoice, value: InvoiceShipments, at: datetime) -> None:
    rows = list(invoice.shipments.select_related("posting"))
    by_id = {row.marketplacer_id: row for row in rows if row.marketplacer_id}
    ours: dict[str, Shipment] = {}
    for row in rows:
        if row.origin == Shipment.Origin.ERP and row.posting is not None:
            told = find_told(value, row.posting.payload)
            if told is not None:
                ours[told.marketplacer_id] = row
    skus = dict(InvoiceLine.objects.filter(invoice=invoice).values_list("marketplacer_id", "sku"))
    doubled: list[str] = []
    for held in value.shipments:
        known = by_id.get(held.marketplacer_id) or ours.get(held.marketplacer_id)
        if any(f"[{row.key}]" in held.note and row is not known for row in ours.values()):
            doubled.append(str(held.legacy_id))
        row = known or Shipment(
            origin=Shipment.Origin.PORTAL,
            marketplacer_id=held.marketplacer_id,
            invoice=invoice,
            made_at=at,
        )
        _fill(row, held, skus, at)
    over = [skus.get(line) or line for line in value.ordered if value.left(line) < 0]
    if doubled or over:
        _doubled(invoice, doubled, over, at)


def _fill(row: Shipment, held: HeldShipment, skus: Mapping[str, str], at: datetime) -> None:
    facts: dict[str, Any] = {"marketplacer_id": held.marketplacer_id, "legacy_id": held.legacy_id}
    if row.origin == Shipment.Origin.PORTAL:
        facts |= {
            "carrier": held.carrier[:200],
            "tracking": held.tracking[:500],
            "dispatched_at": held.dispatched_at,
            "lines": [
                {"line": line, "sku": skus.get(line, ""), "quantity": many}
                for line, many in sorted(held.pieces.items())
            ],
        }
    if row.pk and row.seen_at and all(getattr(row, n) == known for n, known in facts.items()):
        return
    for name, known in facts.items():
        setattr(row, name, known)
    row.seen_at = at
    row.save()


def _doubled(invoice: Invoice, doubled: Sequence[str], over: Sequence[str], at: datetime) -> None:
    words = [f"shipment {number} again" for number in doubled]
    words += [f"more of {sku} than was sold" for sku in over]
    cause = Cause(
        CaseKind.SHIPMENT_DOUBLED,
        f"doubled:{invoice.marketplacer_id}",
        f"Marketplacer shows {' and '.join(words)} for {invoice.number}.",
        seller=invoice.seller,
    )
    cases.hold(invoice=invoice, case=cases.open_case(cause=cause, at=at))
