"""What is picked, packed or has left: NetSuite's item fulfilments, with their tracking numbers."""

from datetime import datetime

from sync.domain.documents import Shipment, ShipmentPhase, ShippedLine
from sync.erp.netsuite import suiteql
from sync.erp.netsuite.book import Book
from sync.erp.netsuite.client import Row
from sync.erp.netsuite.references import LINE, ORDER
from sync.erp.netsuite.transactions import (
    SHIPMENT,
    Head,
    Transactions,
    called,
    ident,
    lines_of,
)
from sync.erp.port import Page
from sync.erp.wire import exact

_A_PAGE = 50
_SHIPPED = "C"
_PACKAGES = "package"  # "package", or with the carrier's name behind it: "packageUps"
_TRACKING = "packageTrackingNumber"


class Shipments:
    def __init__(self, book: Book, transactions: Transactions) -> None:
        self._book, self._transactions = book, transactions

    def page(self, since: datetime, cursor: str | None) -> Page[Shipment]:
        """See ErpPort.shipments: those of our orders, from when they are picked."""
        where = suiteql.both(
            f"t.type = '{SHIPMENT}'",
            f"t.{ORDER} IS NOT NULL",
            self._transactions.changed(since),
        )
        heads, after = self._transactions.page(where, cursor, _A_PAGE)
        records = self._transactions.read(heads)
        items = {ident(line, "item") for _, row in records for line in lines_of(row)}
        skus = self._book.skus(items)
        return Page(tuple(_shipment(head, row, skus) for head, row in records), after)


def _shipment(head: Head, row: Row, skus: dict[str, str]) -> Shipment:
    phase = ShipmentPhase.SHIPPED if head.status == _SHIPPED else ShipmentPhase.OPEN
    return Shipment(
        ref=head.id,
        number=head.number,
        order_ref=head.origin,
        order_key=row.get(ORDER) or "",
        state=called(row, "shipStatus") or head.status,
        phase=phase,
        shipped_on=suiteql.read_day(head.dated) if phase is ShipmentPhase.SHIPPED else None,
        lines=tuple(
            ShippedLine(
                skus.get(ident(line, "item"), ""), exact(line["quantity"]), line.get(LINE) or ""
            )
            for line in lines_of(row)
            if exact(line["quantity"])
        ),
        carrier=called(row, "shipMethod") or None,
        tracking=_tracking(row),
        modified_at=head.modified_at,
    )


def _tracking(row: Row) -> tuple[str, ...]:
    found: list[str] = []
    for sublist in sorted(name for name in row if name.startswith(_PACKAGES)):
        if not isinstance(row[sublist], dict):
            continue
        for package in lines_of(row, sublist):
            found += [
                str(value)
                for name, value in package.items()
                if name.startswith(_TRACKING) and value
            ]
    return tuple(dict.fromkeys(found))
