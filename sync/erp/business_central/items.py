"""Items and stock in Business Central: one SKU an item, its stock that of all locations together.

Item variants have neither price, barcode nor stock in the standard API, so they are not read.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sync.domain.documents import Item, StockLevel
from sync.erp.business_central.client import BusinessCentralClient
from sync.erp.business_central.filters import both, literal
from sync.erp.business_central.references import money
from sync.erp.business_central.setup import Book
from sync.erp.port import Page
from sync.erp.wire import exact

_COUNTED = "type eq 'Inventory'"
_LEVELS_A_PAGE, _MOVES_A_PAGE = 1000, 2000
_MOVES, _ORDERS = "itemLedgerEntries", "salesOrders"
_GOOD_FOR = timedelta(minutes=5)


def moment(text: str) -> datetime:
    """A time as Business Central writes it."""
    return datetime.fromisoformat(text).astimezone(UTC)


def changed(since: datetime | None) -> str:
    """The filter for records changed at or after a moment."""
    return f"lastModifiedDateTime ge {literal(since)}" if since is not None else ""


class Items:
    """Goods that are counted; services and what is not counted are nobody's listing."""

    def __init__(self, client: BusinessCentralClient, book: Book) -> None:
        self._client, self._book = client, book
        self._lock = threading.Lock()
        self._asked_at = datetime.min.replace(tzinfo=UTC)
        self._ordered: Mapping[str, Decimal] = {}

    def page(self, since: datetime | None, cursor: str | None, limit: int) -> Page[Item]:
        """See ErpPort.items; the cursor is where the server goes on."""
        currency = self._book.currency()
        rows, after = self._client.page("items", both(_COUNTED, changed(since)), cursor, limit)
        return Page(tuple(_item(row, currency) for row in rows), after)

    def stock(self, skus: Sequence[str] | None, cursor: str | None) -> Page[StockLevel]:
        """See ErpPort.stock: what is on hand in the company; reserved is not told.

        What open orders wait for, ours and others', is added up here and taken off. They are read
        before the items, so what leaves in between counts twice for a moment and never not at all.
        """
        as_of, waiting = self._waiting(anew=cursor is None)
        usable = both(_COUNTED, "blocked eq false")
        after: str | None = None
        if skus is not None:
            rows = self._client.of("items", "number", skus, also=usable)
        else:
            rows, after = self._client.page("items", usable, cursor, _LEVELS_A_PAGE)
        levels = tuple(
            StockLevel(
                sku=row["number"],
                location=None,
                on_hand=exact(row["inventory"]),
                reserved=None,
                available=exact(row["inventory"]) - waiting.get(row["number"], Decimal(0)),
                as_of=as_of,
            )
            for row in rows
        )
        return Page(levels, after)

    def _waiting(self, *, anew: bool) -> tuple[datetime, Mapping[str, Decimal]]:
        """What is ordered and has not left, by item, and the moment before it was asked for.

        The later pages of one reading take the answer of its first.
        """
        with self._lock:
            if anew or datetime.now(UTC) - self._asked_at > _GOOD_FOR:
                self._asked_at = datetime.now(UTC)
                found: dict[str, Decimal] = {}
                orders = self._client.each(
                    "salesOrders", "fullyShipped eq false", expand="salesOrderLines"
                )
                for line in _goods(orders):
                    left = money(line["quantity"]) - money(line["shippedQuantity"])
                    number = line["lineObjectNumber"]
                    found[number] = found.get(number, Decimal(0)) + left
                self._ordered = found
            return self._asked_at, self._ordered

    def moved(self, since: datetime, cursor: str | None) -> Page[str]:
        """See ErpPort.stock_changed: movements, then the lines of orders that changed."""
        entity, _, place = (cursor or _MOVES).partition(" ")
        expand = "salesOrderLines" if entity == _ORDERS else ""
        rows, after = self._client.page(
            entity, changed(since), place or None, _MOVES_A_PAGE, expand=expand
        )
        following = f"{entity} {after}" if after else _ORDERS if entity == _MOVES else None
        if entity == _MOVES:
            skus = [row["itemNumber"] for row in rows]
        else:
            skus = [line["lineObjectNumber"] for line in _goods(rows)]
        return Page(tuple(dict.fromkeys(skus)), following)


def _goods(orders: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for order in orders:
        yield from (x for x in order["salesOrderLines"] if x["lineType"] == "Item")


def _item(row: Mapping[str, Any], currency: str) -> Item:
    return Item(
        ref=row["id"],
        sku=row["number"],
        name=row["displayName"],
        parent_ref=None,
        barcodes=(row["gtin"],) if row["gtin"] else (),
        price=money(row["unitPrice"]).quantize(Decimal("0.01")),
        currency=currency,
        active=not row["blocked"],
        options={},
        modified_at=moment(row["lastModifiedDateTime"]),
    )
