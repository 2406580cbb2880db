"""The ERP's shipments, mirrored as they change."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from sync import connections
from sync.domain.documents import Shipment as ShipmentValue
from sync.domain.documents import ShippedLine
from sync.models import ErpShipment, Invoice
from sync.services import pulls, shipments


def pull_erp(*, clock: Callable[[], datetime]) -> Mapping[str, int]:
    """Shipments that changed in the ERP since the last read, mirrored; those that left, placed."""

    def read(since: datetime | None, page: str | None) -> pulls.Batch:
        found = connections.erp().shipments(since or settings.GO_LIVE_AT, page)
        return pulls.Batch(
            lambda at: take(found=found.rows, at=at),
            found.cursor,
            max((one.modified_at for one in found.rows if one.modified_at), default=None),
        )

    return pulls.pull(name="erp_shipments", read=read, clock=clock, start=settings.GO_LIVE_AT)


@transaction.atomic
def take(*, found: Sequence[ShipmentValue], at: datetime) -> Mapping[str, int]:
    """Mirror ERP shipments and place those that have left; returns counts by what happened.

    A second run with the same shipments changes nothing.
    """
    ours = [one for one in found if one.order_key]
    invoices = Invoice.objects.in_bulk(
        {one.order_key for one in ours}, field_name="marketplacer_id"
    )
    held = {
        row.erp_ref: row
        for row in ErpShipment.objects.select_for_update(no_key=True, of=("self",)).filter(
            erp_ref__in=[one.ref for one in ours]
        )
    }
    changed: list[ErpShipment] = []
    for one in ours:
        invoice = invoices.get(one.order_key)
        row = held.get(one.ref) or ErpShipment(erp_ref=one.ref)
        facts = {**_facts(one), "invoice_id": invoice.pk if invoice else None}
        if row.pk and all(getattr(row, name) == known for name, known in facts.items()):
            continue
        for name, known in facts.items():
            setattr(row, name, known)
        row.read_at = at
        row.save()
        held[one.ref] = row
        changed.append(row)
    told = shipments.place(invoices={row.invoice_id for row in changed if row.invoice_id}, at=at)
    return {
        "read": len(found),
        "changed": len(changed),
        "not of the marketplace": len(found) - len(ours),
        "parcels": told,
    }


def _facts(one: ShipmentValue) -> dict[str, Any]:
    return {
        "number": one.number,
        "order_key": one.order_key,
        "phase": one.phase.value,
        "erp_state": one.state,
        "shipped_date": one.shipped_on,
        "carrier": (one.carrier or "")[:200],
        "tracking": [number[:200] for number in one.tracking],
        "lines": _plain(one.lines),
        "parcels": [
            {"number": box.number, "tracking": box.tracking, "lines": _plain(box.lines)}
            for box in one.parcels
        ],
        "modified_at": one.modified_at,
    }


def _plain(lines: Iterable[ShippedLine]) -> list[dict[str, str]]:
    return [{"line": x.line_key, "sku": x.sku, "quantity": f"{x.quantity:f}"} for x in lines]
