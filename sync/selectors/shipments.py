"""Goods on their way: what was told to Marketplacer, what waits, what sellers sent themselves."""

import functools
from collections.abc import Iterable
from operator import or_

from django.db.models import Case, CharField, Q, QuerySet, Value, When

from sync.models import (
    CarrierMapping,
    ErpShipment,
    GoodsReturn,
    Invoice,
    OutboxMessage,
    Shipment,
)
from sync.selectors.invoices import Event, timeline

Sent = OutboxMessage.State


# How far a shipment has come, and what says so: each row is in one of them.
_OURS = Q(origin=Shipment.Origin.ERP)
_THERE = _OURS & Q(posting__state__in=set(Sent) - {Sent.FAILED, Sent.PENDING, Sent.IN_FLIGHT})
STAGES = {
    "PORTAL": Q(origin=Shipment.Origin.PORTAL),
    "PARKED": _OURS & Q(posting=None),
    "REFUSED": _OURS & Q(posting__state=Sent.FAILED),
    "QUEUED": _OURS & Q(posting__state__in=[Sent.PENDING, Sent.IN_FLIGHT]),
    "TOLD": _THERE & Q(seen_at=None),
    "SEEN": _THERE & Q(seen_at__isnull=False),
}


def at_stage(rows: QuerySet[Shipment], stages: Iterable[str]) -> QuerySet[Shipment]:
    """Those at any of these stages, asked by what makes it: an index knows the few that wait."""
    return rows.filter(functools.reduce(or_, (STAGES[stage] for stage in stages)))


def shipments() -> QuerySet[Shipment]:
    """Shipments with `stage`: how far each has come, read from its message and its readings."""
    return _shipments().all()


@functools.cache
def _shipments() -> QuerySet[Shipment]:
    """Put together once, as the inventory."""
    return Shipment.objects.select_related(
        "invoice", "invoice__seller", "erp_shipment", "posting", "posting__case"
    ).annotate(
        stage=Case(
            *(When(made_by, then=Value(stage)) for stage, made_by in STAGES.items()),
            output_field=CharField(),
        ),
    )


def stuck_shipments() -> tuple[QuerySet[Shipment], QuerySet[OutboxMessage]]:
    """The parcels that wait for a person: those without carrier, and those refused.

    Two questions and not one with OR: each is answered by the index of those few rows. A refused
    parcel is one refused message; looking for the parcels of all that failed takes ten times as
    long, on every page.
    """
    refused = OutboxMessage.objects.filter(operation="create_shipment", state=Sent.FAILED)
    return Shipment.objects.filter(STAGES["PARKED"]), refused


def carriers() -> QuerySet[CarrierMapping]:
    """What the ERP calls its carriers, with Marketplacer's; those without one first."""
    return CarrierMapping.objects.select_related("carrier", "set_by").annotate(
        state=Case(
            When(carrier=None, then=Value("UNMAPPED")),
            When(carrier__gone_at__isnull=False, then=Value("GONE")),
            default=Value("MAPPED"),
            output_field=CharField(),
        )
    )


def unmapped_carriers() -> QuerySet[CarrierMapping]:
    return CarrierMapping.objects.filter(carrier=None)


def story(invoice: Invoice) -> list[Event]:
    """Everything that happened to one order, its goods and its money back with it."""
    events = timeline(invoice) + _gone(invoice) + _told(invoice) + _corrected(invoice)
    return sorted(events + _returned(invoice), key=lambda event: event.at)


def _gone(invoice: Invoice) -> list[Event]:
    found = []
    for row in invoice.erp_shipments.order_by("pk"):
        if row.phase == ErpShipment.Phase.SHIPPED and row.placed_at is not None:
            pieces = ", ".join(f"{line['quantity']} × {line['sku']}" for line in row.lines)
            found.append(Event(row.placed_at, f"Left the warehouse as {row}", pieces))
    return found


def _told(invoice: Invoice) -> list[Event]:
    found = []
    for row in shipments().filter(invoice=invoice).order_by("pk"):
        words = f"{row.carrier or 'no carrier'}, {row.tracking}"
        if row.origin == Shipment.Origin.PORTAL:
            found.append(Event(row.dispatched_at, f"Sent by its seller, {row}", words))
        elif row.posting is not None and row.posting.delivered_at is not None:
            found.append(Event(row.posting.delivered_at, "Shipment told to Marketplacer", words))
        elif row.posting is None:
            found.append(Event(row.made_at, "Shipment waits for its carrier", words, "person"))
    return found


def _corrected(invoice: Invoice) -> list[Event]:
    found = []
    for row in invoice.corrections.order_by("pk"):
        kind = row.get_kind_display().capitalize()
        found.append(Event(row.heard_at, f"{kind} heard: {row}", "", "waiting"))
        if row.done_at is not None:
            found.append(Event(row.done_at, f"{kind} followed in the ERP", row.why))
    return found


def _returned(invoice: Invoice) -> list[Event]:
    found = []
    for row in invoice.goods_returns.order_by("pk"):
        found.append(
            Event(row.announced_at, f"Goods of {row.refund} announced to the warehouse", str(row))
        )
        if row.phase in (GoodsReturn.Phase.RECEIVED, GoodsReturn.Phase.RESTOCKED) and row.read_at:
            found.append(Event(row.read_at, f"Goods {row.get_phase_display()}", str(row)))
    return found
