"""Shipments to customers in Tryton."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sync.domain.documents import Shipment, ShippedLine
from sync.erp.port import Page
from sync.erp.tryton.client import TrytonClient
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
    "outgoing_moves.sale",
)


def shipments(client: TrytonClient, since: datetime, cursor: str | None) -> Page[Shipment]:
    """See ErpPort.shipments; the cursor is the last id seen.

    Tryton's own modules know no carrier; people write the tracking number into the reference.
    """
    domain: list[object] = [["OR", ["write_date", ">=", since], ["create_date", ">=", since]]]
    if cursor is not None:
        domain.append(["id", ">", int(cursor)])
    rows = client.rows("stock.shipment.out", domain, _FIELDS, limit=_A_PAGE)
    found = tuple(_shipment(row) for row in rows)
    return Page(found, str(rows[-1]["id"]) if len(rows) == _A_PAGE else None)


def _shipment(row: Mapping[str, Any]) -> Shipment:
    moves = row["outgoing_moves."]
    sales = [move["sale"] for move in moves if move["sale"]]
    reference = (row["reference"] or "").strip()
    return Shipment(
        ref=str(row["id"]),
        number=row["number"] or "",
        order_ref=str(sales[0]) if sales else "",
        state=row["state"],
        shipped_on=row["effective_date"] if row["state"] in {"shipped", "done"} else None,
        lines=tuple(
            ShippedLine(move["product."]["code"] or "", exact(move["quantity"])) for move in moves
        ),
        carrier=None,
        tracking=(reference,) if reference else (),
        modified_at=row["write_date"] or row["create_date"],
    )
