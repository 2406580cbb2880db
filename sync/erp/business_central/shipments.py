"""What has left: Business Central tells posted shipments, without carriers and tracking numbers."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sync.domain.documents import Shipment, ShipmentPhase, ShippedLine
from sync.erp.business_central import sales
from sync.erp.business_central.client import BusinessCentralClient
from sync.erp.business_central.items import changed, moment
from sync.erp.port import Page
from sync.erp.wire import exact

_A_PAGE = 200
_LINES = "salesShipmentLines"


class Shipments:
    def __init__(self, client: BusinessCentralClient) -> None:
        self._client = client

    def page(self, since: datetime, cursor: str | None) -> Page[Shipment]:
        """See ErpPort.shipments: ours, those with goods in them."""
        rows, after = self._client.page(
            "salesShipments", changed(since), cursor, _A_PAGE, expand=_LINES
        )
        told = [_shipment(row) for row in rows if sales.ours(row[_LINES])]
        return Page(tuple(one for one in told if one.lines), after)


def _shipment(row: Mapping[str, Any]) -> Shipment:
    lines = [line for line in row[_LINES] if line["lineType"] == "Item" and line["quantity"]]
    return Shipment(
        ref=row["number"],
        number=row["number"],
        order_ref=row["orderNumber"],
        order_key=sales.key_of(row, row[_LINES]),
        state="Posted",
        phase=ShipmentPhase.SHIPPED,
        shipped_on=date.fromisoformat(row["postingDate"]),
        lines=tuple(
            ShippedLine(x["lineObjectNumber"], exact(x["quantity"]), sales.noted(x).key)
            for x in lines
        ),
        carrier=None,
        tracking=(),
        modified_at=moment(row["lastModifiedDateTime"]),
    )
