"""The client's calls about goods on their way, and their JSON as values.

A shipment never carries where it was sent from: that is the seller's, and read nowhere here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sync.domain.fulfilment import HeldShipment, InvoiceShipments
from sync.marketplacer.parse import Unreadable, _id, _integer, _list, _object, _text, _time
from sync.marketplacer.payouts import RawPage, _raw


@dataclass(frozen=True)
class CarrierValue:
    marketplacer_id: str
    name: str


class _Wire(Protocol):
    _page_size: int

    def _read(self, operation: str, variables: Mapping[str, Any]) -> dict[str, Any]: ...

    def _write(self, operation: str, mutation: str, variables: Mapping[str, Any]) -> None: ...


class ShipmentCalls:
    """Mixed into the client; raises what every call of the client raises."""

    def shipment_carriers(self: _Wire) -> list[CarrierValue]:
        """Every carrier a shipment may name."""
        found: list[CarrierValue] = []
        after: str | None = None
        while True:
            data = self._read("shipment_carriers", {"first": self._page_size, "after": after})
            page = _raw(data["shipmentCarriers"])
            found += [CarrierValue(str(n["id"]), str(n.get("name") or "")) for n in page.nodes]
            after = page.next_page
            if after is None:
                return found

    def invoice_shipments_page(
        self: _Wire, *, updated_since: datetime | None, after: str | None
    ) -> RawPage:
        """The shipments of the invoices that changed since, with the invoice's id and flags."""
        variables = {
            "updatedSince": updated_since and updated_since.isoformat(),
            "first": self._page_size,
            "after": after,
        }
        return _raw(self._read("invoice_shipments_updated", variables)["invoices"])

    def shipments_of(self: _Wire, ids: Iterable[str]) -> dict[str, InvoiceShipments]:
        """What these invoices hold now, by their id; what no longer exists is left out.

        Raises Unreadable for an answer that is not in the documented shape.
        """
        data = self._read("invoice_shipments_by_id", {"ids": sorted(set(ids))})
        nodes = [n for n in data["nodes"] if n and n.get("__typename") == "Invoice"]
        return {value.invoice_id: value for value in map(invoice_shipments, nodes)}

    def create_shipment(
        self: _Wire,
        *,
        invoice: str,
        pieces: Mapping[str, int],
        carrier: str,
        tracking: str,
        dispatched_at: str,
        note: str,
    ) -> None:
        """Tell of a parcel. Marketplacer keeps no key of it: look before, ours is in the note."""
        items = [{"lineItemId": line, "quantity": many} for line, many in sorted(pieces.items())]
        self._write(
            "shipment_create",
            "shipmentCreate",
            {
                "input": {
                    "invoiceId": invoice,
                    "shippedItems": items,
                    "postageCarrierId": carrier,
                    "trackingNumber": tracking,
                    "dispatchedAt": dispatched_at,
                    "note": note,
                }
            },
        )

    def update_shipment(self: _Wire, *, shipment: str, carrier: str, tracking: str) -> None:
        """Correct carrier and tracking number; the same again changes nothing there."""
        self._write(
            "shipment_update",
            "shipmentUpdate",
            {
                "input": {
                    "shipmentId": shipment,
                    "postageCarrierId": carrier,
                    "trackingNumber": tracking,
                }
            },
        )

    def move_collection(self: _Wire, *, invoice: str, status: str) -> None:
        """Move a click-and-collect invoice to READY or COLLECTED."""
        self._write(
            "click_and_collect_status_update",
            "clickAndCollectStatusUpdate",
            {"input": {"invoiceId": invoice, "status": status}},
        )


def invoice_shipments(node: Any) -> InvoiceShipments:
    """An invoice's shipments. Raises Unreadable, and nothing else."""
    data = _object(node, "invoice")
    lines = [_object(row, "lineItems") for row in _list(data, "lineItems")]
    return InvoiceShipments(
        invoice_id=_id(data, "id"),
        delivery_type=_text(data, "deliveryType"),
        status_flags=frozenset(str(flag) for flag in _list(data, "statusFlags")),
        ordered={_id(line, "id"): _integer(line, "quantity") for line in lines},
        shipments=tuple(_shipment(row) for row in _list(data, "shipments")),
    )


def _shipment(node: Any) -> HeldShipment:
    data = _object(node, "shipments")
    return HeldShipment(
        marketplacer_id=_id(data, "id"),
        legacy_id=_integer(data, "legacyId"),
        carrier=_text(data, "carrier"),
        tracking=_text(data, "trackingNumber"),
        dispatched_at=_time(data, "dispatchedAt"),
        note=_text(data, "note"),
        pieces=_pieces(_list(data, "shippedItems")),
    )


def _pieces(rows: Sequence[Any]) -> dict[str, int]:
    pieces: dict[str, int] = {}
    for row in rows:
        data = _object(row, "shippedItems")
        line = _text(_object(data.get("lineItem") or {}, "lineItem"), "id")
        if not line:
            raise Unreadable("a shipped item names no line")
        pieces[line] = pieces.get(line, 0) + _integer(data, "quantity")
    return pieces
