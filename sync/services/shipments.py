"""What the ERP sent out, turned into the shipments that Marketplacer is told of.

A mirrored shipment (`shipments_hear`) that has left is placed once: its parcels become rows whose
pieces are counted for good, so that neither a second reading nor another order of events tells of a
piece twice. Whatever cannot be told waits with a case.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from sync.domain.cases import CaseKind
from sync.domain.documents import FulfilledBy, Parcel, ShipmentPhase, ShippedLine
from sync.domain.documents import Shipment as ShipmentValue
from sync.domain.fulfilment import (
    PlannedParcel,
    SoldLine,
    collect_steps,
    dispatch_moment,
    plan_shipment,
)
from sync.models import ErpShipment, Invoice, InvoiceLine, OutboxMessage, Shipment
from sync.services import cases, outbox, shipments_carriers
from sync.services.cases import Cause

ZERO = Decimal(0)
CHUNK = 200


def _value(row: ErpShipment) -> ShipmentValue:
    return ShipmentValue(
        ref=row.erp_ref,
        number=row.number,
        order_ref="",
        state=row.erp_state,
        shipped_on=row.shipped_date,
        lines=_lines(row.lines),
        carrier=row.carrier or None,
        tracking=tuple(row.tracking),
        modified_at=row.modified_at,
        phase=ShipmentPhase(row.phase),
        order_key=row.order_key,
        parcels=tuple(
            Parcel(box["number"], box["tracking"], _lines(box["lines"])) for box in row.parcels
        ),
    )


def _lines(rows: Iterable[Mapping[str, str]]) -> tuple[ShippedLine, ...]:
    return tuple(ShippedLine(x["sku"], Decimal(x["quantity"]), x["line"]) for x in rows)


@transaction.atomic
def place(*, invoices: Collection[int], at: datetime) -> int:
    """Turn what has left for these orders into shipments, once; returns how many are new.

    Shipments of a seller's own orders are information only: nothing of them is ever told.
    """
    told = 0
    wanted = sorted(invoices)
    for start in range(0, len(wanted), CHUNK):
        locked = (
            Invoice.objects.select_for_update(no_key=True, of=("self",))
            .filter(pk__in=wanted[start : start + CHUNK])
            .select_related("posting", "seller")
            .order_by("pk")
        )
        told += sum(_place(invoice, at) for invoice in locked)
    return told


def _place(invoice: Invoice, at: datetime) -> int:
    rows = list(
        invoice.erp_shipments.select_for_update(no_key=True, of=("self",)).order_by(
            "placed_at", "pk"
        )
    )
    ours = invoice.posting is not None and invoice.fulfilled_by == FulfilledBy.OPERATOR
    if not ours or invoice.delivery_type != "BUY_ONLINE":
        if ours and invoice.delivery_type == "CLICK_AND_COLLECT":
            _collect(invoice, rows, at)
        for row in rows:
            _placed(row, at)
        return 0
    sold = sold_lines(invoice)
    units: dict[str, Decimal] = {}
    told = _told(invoice)
    count = 0
    # Those placed before count first, in the order in which they were placed.
    for row in sorted(rows, key=lambda row: (row.placed_at is None, row.placed_at or at, row.pk)):
        if row.placed_at is not None:
            _follow(row, invoice, at)
            if row.phase == ErpShipment.Phase.SHIPPED:
                plan = plan_shipment(_value(row), sold, units_before=units, told_before=told)
                _add(units, plan.units)
            continue
        if row.phase != ErpShipment.Phase.SHIPPED:
            continue
        plan = plan_shipment(_value(row), sold, units_before=units, told_before=told)
        _add(units, plan.units)
        for parcel in plan.parcels:
            for key, many in parcel.pieces.items():
                told[key] = told.get(key, 0) + many
        problems = list(plan.problems)
        parcels = plan.parcels
        if "CANCELLED" in invoice.status_flags:
            problems.append("although the order was cancelled at Marketplacer")
            parcels = ()
        if problems:
            _unplaced(row, invoice, problems, at)
        made = [_shipment(row, parcel, invoice, sold, at) for parcel in parcels]
        _placed(row, at)
        queue(shipments=made, at=at)
        count += len(made)
    return count


def _add(units: dict[str, Decimal], more: Mapping[str, Decimal]) -> None:
    for key, many in more.items():
        units[key] = units.get(key, ZERO) + many


def _placed(row: ErpShipment, at: datetime) -> None:
    if row.placed_at is None and row.phase == ErpShipment.Phase.SHIPPED:
        row.placed_at = at
        row.save(update_fields=["placed_at"])


def _unplaced(row: ErpShipment, invoice: Invoice, problems: Sequence[str], at: datetime) -> None:
    cause = Cause(
        CaseKind.SHIPMENT_UNPLACED,
        f"shipment:{row.erp_ref}",
        f"Shipment {row} of {invoice.number} left with {'; '.join(problems)}.",
        seller=invoice.seller,
    )
    case = cases.open_case(cause=cause, at=at)
    row.cases.add(case)
    cases.hold(invoice=invoice, case=case)


def sold_lines(invoice: Invoice) -> list[SoldLine]:
    """The goods of a posted order: pieces as sold, and ERP units in each, as it was frozen."""
    if invoice.posting is None:
        return []
    pieces = dict(
        InvoiceLine.objects.filter(invoice=invoice).values_list("marketplacer_id", "quantity")
    )
    return [
        SoldLine(
            line["key"],
            line["sku"],
            int(pieces[line["key"]]),
            Decimal(line["quantity"]) / pieces[line["key"]],
        )
        for line in invoice.posting.payload["lines"]
        if line["kind"] == "goods" and pieces.get(line["key"])
    ]


def _told(invoice: Invoice) -> dict[str, int]:
    told: dict[str, int] = {}
    for lines in invoice.shipments.filter(origin=Shipment.Origin.ERP).values_list(
        "lines", flat=True
    ):
        for line in lines:
            told[line["line"]] = told.get(line["line"], 0) + line["quantity"]
    return told


def _shipment(
    row: ErpShipment,
    parcel: PlannedParcel,
    invoice: Invoice,
    sold: Iterable[SoldLine],
    at: datetime,
) -> Shipment:
    skus = {line.key: line.sku for line in sold}
    shipped_on = row.shipped_date or at.astimezone(settings.COMPANY_TIME_ZONE).date()
    moment = dispatch_moment(shipped_on, invoice.placed_at, at, settings.COMPANY_TIME_ZONE)
    return Shipment.objects.create(
        origin=Shipment.Origin.ERP,
        key=f"mkterp:{row.erp_ref}:{parcel.number or '-'}",
        invoice=invoice,
        erp_shipment=row,
        parcel=parcel.number,
        carrier=row.carrier,
        tracking=parcel.tracking or settings.SHIPMENT_TRACKING_PLACEHOLDER,
        placeholder=not parcel.tracking,
        dispatched_at=moment,
        lines=[
            {"line": key, "sku": skus[key], "quantity": many}
            for key, many in sorted(parcel.pieces.items())
        ],
        made_at=at,
    )


@transaction.atomic
def queue(*, shipments: Sequence[Shipment], at: datetime) -> int:
    """Queue shipments whose carrier is mapped; the others wait with its case. How many went."""
    unsent = [one for one in shipments if one.posting_id is None]
    mapped = shipments_carriers.mapped(names={one.carrier for one in unsent}, at=at)
    ready = [one for one in unsent if mapped[one.carrier] is not None]
    for one in unsent:
        if mapped[one.carrier] is None:
            shipments_carriers.wait(shipment=one, at=at)
    if not ready:
        return 0
    parcels = [_parcel(one, mapped[one.carrier]) for one in ready]  # type: ignore[arg-type]
    living = outbox.enqueue(parcels=parcels, at=at)
    for one in ready:
        one.posting = living["create_shipment", str(one.key)]
        one.save(update_fields=["posting"])
    return len(ready)


def _parcel(one: Shipment, carrier: str) -> outbox.Parcel:
    invoice = one.invoice
    return outbox.Parcel(
        lane=OutboxMessage.Lane.MARKETPLACER,
        operation="create_shipment",
        key=str(one.key),
        stream=stream_of(invoice),
        reference=f"{invoice.number}, {one}",
        payload={
            "key": one.key,
            "invoice": invoice.marketplacer_id,
            "pieces": {line["line"]: line["quantity"] for line in one.lines},
            "carrier": carrier,
            "tracking": one.tracking,
            "placeholder": one.placeholder,
            "dispatched_at": one.dispatched_at.isoformat(timespec="seconds"),
            "note": f"{one} [{one.key}]",
        },
    )


def stream_of(invoice: Invoice) -> str:
    """What goes to Marketplacer about an order's goods keeps its order."""
    return f"shipment:{invoice.marketplacer_id}"


def _follow(row: ErpShipment, invoice: Invoice, at: datetime) -> None:
    """A shipment that was placed changed since: another carrier or tracking number, or undone."""
    if row.phase == ErpShipment.Phase.CANCELLED:
        if row.shipments.exists():
            _unplaced(row, invoice, ["goods that the ERP has taken back since"], at)
        return
    of_boxes = {box["number"]: box["tracking"] for box in row.parcels}
    own = ", ".join(n for n in row.tracking if n not in of_boxes.values())
    for one in row.shipments.select_related("posting", "invoice"):
        tracking = (of_boxes.get(one.parcel, "") if one.parcel else own) or (
            settings.SHIPMENT_TRACKING_PLACEHOLDER if one.placeholder else one.tracking
        )
        if (one.tracking, one.carrier) == (tracking, row.carrier):
            continue
        one.tracking, one.carrier = tracking, row.carrier
        one.placeholder = tracking == settings.SHIPMENT_TRACKING_PLACEHOLDER
        one.save(update_fields=["tracking", "carrier", "placeholder"])
        if one.posting is None:
            queue(shipments=[one], at=at)
        else:
            _correct(one, at)


def _correct(one: Shipment, at: datetime) -> None:
    carrier = shipments_carriers.mapped(names={one.carrier}, at=at)[one.carrier]
    if carrier is None:
        shipments_carriers.wait(shipment=one, at=at)
        return
    parcel = outbox.Parcel(
        lane=OutboxMessage.Lane.MARKETPLACER,
        operation="update_shipment",
        key=f"{one.key}:{carrier}:{one.tracking}"[:200],
        stream=stream_of(one.invoice),
        reference=f"{one.invoice.number}, {one}",
        payload={
            "key": one.key,
            "invoice": one.invoice.marketplacer_id,
            "carrier": carrier,
            "tracking": one.tracking,
        },
    )
    outbox.enqueue(parcels=[parcel], at=at)


def _collect(invoice: Invoice, rows: Sequence[ErpShipment], at: datetime) -> None:
    """Move a click-and-collect order as far as its goods have come."""
    ready: dict[str, Decimal] = {}
    gone: dict[str, Decimal] = {}
    for row in rows:
        packed = row.phase == ErpShipment.Phase.OPEN and row.erp_state in settings.ERP_READY_STATES
        into = gone if row.phase == ErpShipment.Phase.SHIPPED else ready if packed else None
        if into is not None:
            for line in row.lines:
                into[line["line"]] = into.get(line["line"], ZERO) + Decimal(line["quantity"])
    steps = collect_steps(
        sold_lines(invoice),
        ready=ready,
        gone=gone,
        withdrawn=_withdrawn(invoice),
        flags=set(invoice.status_flags),
    )
    outbox.enqueue(
        parcels=[
            outbox.Parcel(
                lane=OutboxMessage.Lane.MARKETPLACER,
                operation="move_collection",
                key=f"{invoice.marketplacer_id}:{step}",
                stream=stream_of(invoice),
                reference=f"{invoice.number} {step.lower()}",
                payload={"invoice": invoice.marketplacer_id, "status": step},
            )
            for step in steps
        ],
        at=at,
    )


def _withdrawn(invoice: Invoice) -> dict[str, Decimal]:
    """Units taken out of the order since, by line key: what the ERP accepted of our amendments."""
    withdrawn: dict[str, Decimal] = {}
    arrived = OutboxMessage.objects.filter(
        operation="amend_order",
        payload__order=invoice.marketplacer_id,
        state=OutboxMessage.State.DELIVERED,
    )
    for payload in arrived.order_by("pk").values_list("payload", flat=True):
        for key, many in payload["withdrawn"].items():
            withdrawn[key] = withdrawn.get(key, ZERO) + Decimal(many)
    return withdrawn


@transaction.atomic
def release_waiting(*, at: datetime) -> int:
    """Send what waits for a carrier that is mapped by now; returns how many. Safe to repeat.

    Shipments that were read before their order find it here.
    """
    orphans = ErpShipment.objects.filter(invoice=None).exclude(order_key="")
    found = Invoice.objects.in_bulk(
        orphans.order_by("pk").values_list("order_key", flat=True), field_name="marketplacer_id"
    )
    for row in orphans.filter(order_key__in=found):
        row.invoice = found[row.order_key]
        row.save(update_fields=["invoice"])
    place(invoices={invoice.pk for invoice in found.values()}, at=at)
    waiting = Shipment.objects.filter(origin=Shipment.Origin.ERP, posting=None)
    return queue(
        shipments=list(
            waiting.select_for_update(no_key=True, of=("self",)).select_related(
                "invoice", "erp_shipment"
            )
        ),
        at=at,
    )
