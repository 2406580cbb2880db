"""Shipments to customers in Tryton: what left, for which order line, in which parcel."""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sync.domain.documents import Parcel, Shipment, ShipmentPhase, ShippedLine
from sync.erp.port import Page
from sync.erp.tryton.changed import changed
from sync.erp.tryton.client import TrytonClient
from sync.erp.tryton.references import ReferenceBook
from sync.erp.tryton.sales import noted
from sync.erp.tryton.wire import exact

_A_PAGE = 200
_FIELDS = (
    "number",
    "state",
    "effective_date",
    "reference",
    "write_date",
    "create_date",
    "outgoing_moves.product.code",
    "outgoing_moves.quantity",
    "outgoing_moves.state",
    "outgoing_moves.origin",
    "outgoing_moves.sale",
    "outgoing_moves.sale.web_id",
)
_MORE_FIELDS = {
    "carrier": ("carrier.party.name",),
    "packages": ("packages.number", "packages.moves"),
    "shipping_reference": ("shipping_reference", "packages.shipping_reference"),
}
_PHASES = {
    "shipped": ShipmentPhase.SHIPPED,
    "done": ShipmentPhase.SHIPPED,
    "cancelled": ShipmentPhase.CANCELLED,
}
# "DPD: 1550 1234, 1550 1235" in the free text of a Tryton without carriers.
_CARRIER_AND_NUMBERS = re.compile(r"^(?P<carrier>[^:]{2,40}):\s*(?P<numbers>\S.*)$")


class Shipments:
    """Carriers, parcels and tracking numbers where the modules for them are there.

    A Tryton without them has one line of free text, the shipment's reference: `Carrier: number,
    number` is read as that, anything else as one tracking number.
    """

    def __init__(self, client: TrytonClient, book: ReferenceBook) -> None:
        self._client, self._book = client, book

    def page(self, since: datetime, cursor: str | None) -> Page[Shipment]:
        """See ErpPort.shipments; the cursor is the last id seen."""
        known = self._book.shipping_fields()
        fields = [*_FIELDS, *(field for name in sorted(known) for field in _MORE_FIELDS[name])]
        marks = ["", "moves.", *(["packages."] if "packages" in known else [])]
        domain: list[object] = [changed(since, marks)]
        if cursor is not None:
            domain.append(["id", ">", int(cursor)])
        rows = self._client.rows("stock.shipment.out", domain, fields, limit=_A_PAGE)
        keys = self._line_keys(rows)
        found = tuple(_shipment(row, keys) for row in rows)
        return Page(found, str(rows[-1]["id"]) if len(rows) == _A_PAGE else None)

    def _line_keys(self, rows: Collection[Mapping[str, Any]]) -> dict[str, str]:
        """Our line key of each move's origin, by Tryton's name for it ("sale.line,17")."""
        origins = {move["origin"] for row in rows for move in row["outgoing_moves."]}
        lines = [int(o.partition(",")[2]) for o in origins if o and o.startswith("sale.line,")]
        if not lines:
            return {}
        notes = self._client.rows("sale.line", [["id", "in", sorted(lines)]], ["note"])
        return {f"sale.line,{row['id']}": noted(row["note"])[0] for row in notes}


def _shipment(row: Mapping[str, Any], keys: Mapping[str, str]) -> Shipment:
    moves = [move for move in row["outgoing_moves."] if move["state"] != "cancelled"]
    phase = _PHASES.get(row["state"], ShipmentPhase.OPEN)
    if phase is ShipmentPhase.CANCELLED:
        moves = row["outgoing_moves."]
    sales = {move["sale"]: move["sale."]["web_id"] or "" for move in moves if move["sale"]}
    sale = next(iter(sales), None)
    lines = {move["id"]: _line(move, keys) for move in moves if exact(move["quantity"])}
    parcels = tuple(_parcel(package, lines) for package in row.get("packages.") or ())
    carrier, tracking = _carried(row, parcels)
    modified = row["write_date"] or row["create_date"]
    shipped = row["effective_date"] or (modified.date() if modified else None)
    return Shipment(
        ref=str(row["id"]),
        number=row["number"] or "",
        order_ref=str(sale) if sale else "",
        order_key=sales[sale] if sale else "",
        state=row["state"],
        phase=phase,
        shipped_on=shipped if phase is ShipmentPhase.SHIPPED else None,
        lines=tuple(lines.values()),
        carrier=carrier,
        tracking=tracking,
        parcels=parcels,
        modified_at=modified,
    )


def _line(move: Mapping[str, Any], keys: Mapping[str, str]) -> ShippedLine:
    return ShippedLine(
        sku=move["product."]["code"] or "",
        quantity=exact(move["quantity"]),
        line_key=keys.get(move["origin"] or "", ""),
    )


def _parcel(package: Mapping[str, Any], lines: Mapping[int, ShippedLine]) -> Parcel:
    return Parcel(
        number=package["number"],
        tracking=(package.get("shipping_reference") or "").strip(),
        lines=tuple(lines[move] for move in package["moves"] if move in lines),
    )


def _carried(
    row: Mapping[str, Any], parcels: tuple[Parcel, ...]
) -> tuple[str | None, tuple[str, ...]]:
    """Carrier and tracking numbers, from their fields, else from the free text."""
    carrier = row["carrier."]["party."]["name"] if row.get("carrier.") else None
    numbers = [parcel.tracking for parcel in parcels]
    numbers.append((row.get("shipping_reference") or "").strip())
    if not any(numbers):
        text = (row["reference"] or "").strip()
        if told := _CARRIER_AND_NUMBERS.match(text):
            carrier = carrier or told["carrier"].strip()
            numbers = [number.strip() for number in told["numbers"].split(",")]
        else:
            numbers = [text]
    return carrier, tuple(dict.fromkeys(number for number in numbers if number))
