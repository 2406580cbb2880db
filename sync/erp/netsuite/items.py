"""Items and stock in NetSuite: one SKU is one item with stock; of matrix items, the children."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sync.domain.documents import Item, StockLevel
from sync.erp.netsuite import suiteql
from sync.erp.netsuite.book import Book
from sync.erp.netsuite.client import NetSuiteClient
from sync.erp.netsuite.references import money
from sync.erp.netsuite.transactions import STOCKED
from sync.erp.port import Page
from sync.erp.wire import exact

_COUNTED = f"i.itemtype = '{STOCKED}' AND NVL(i.matrixtype, 'NONE') <> 'PARENT'"
_BASE_PRICE = 1  # the id of the price level that every item has
_LEVELS_A_PAGE, _MOVES_A_PAGE = 1000, 1000


class Items:
    """A ref is an internal id; the SKU is the item's name."""

    def __init__(self, client: NetSuiteClient, book: Book) -> None:
        self._client, self._book = client, book

    def page(self, since: datetime | None, cursor: str | None, limit: int) -> Page[Item]:
        """See ErpPort.items; the cursor is the last id seen."""
        zone, company = self._book.setup.time_zone, self._book.company()
        limit = min(limit, _LEVELS_A_PAGE)
        rows = self._client.page(
            "SELECT i.id AS id, i.itemid AS sku, i.displayname AS name, i.upccode AS barcode, "
            "i.parent AS parent, i.isinactive AS gone, p.unitprice AS price, "
            f"{suiteql.moment('i.lastmodifieddate')} AS modified "
            f"FROM item i LEFT JOIN pricing p ON p.item = i.id AND p.pricelevel = {_BASE_PRICE} "
            f"AND p.currency = {int(company.currency_id)} AND p.quantity = 0 WHERE "
            + suiteql.both(
                _COUNTED,
                suiteql.since("i.lastmodifieddate", since, zone),
                f"i.id > {int(cursor or 0)}",
            )
            + " ORDER BY i.id",
            limit,
        )
        items = tuple(_item(row, company.currency, zone) for row in rows)
        return Page(items, rows[-1]["id"] if len(rows) == limit else None)

    def stock(self, skus: Sequence[str] | None, cursor: str | None) -> Page[StockLevel]:
        """See ErpPort.stock: our location's levels; the cursor is the last id seen.

        Reserved is what NetSuite has committed to orders; available takes off what they wait for
        besides.
        """
        wanted = suiteql.one_of("i.itemid", sorted(set(skus))) if skus else ""
        if skus is not None and not skus:
            return Page((), None)
        location = int(self._book.location() or 0)
        as_of = datetime.now(UTC)
        rows = self._client.page(
            "SELECT i.id AS id, i.itemid AS sku, s.quantityonhand AS onhand, "
            "s.quantitycommitted AS committed, s.quantitybackordered AS waiting FROM item i "
            f"LEFT JOIN aggregateitemlocation s ON s.item = i.id AND s.location = {location} WHERE "
            + suiteql.both(_COUNTED, "i.isinactive = 'F'", wanted, f"i.id > {int(cursor or 0)}")
            + " ORDER BY i.id",
            _LEVELS_A_PAGE,
        )
        levels = tuple(_level(row, self._book.setup.location, as_of) for row in rows)
        return Page(levels, rows[-1]["id"] if len(rows) == _LEVELS_A_PAGE else None)

    def moved(self, since: datetime, cursor: str | None) -> Page[str]:
        """See ErpPort.stock_changed: what is on lines of changed transactions of any kind."""
        rows = self._client.page(
            "SELECT l.uniquekey AS id, i.itemid AS sku FROM transactionline l "
            "JOIN transaction t ON t.id = l.transaction JOIN item i ON i.id = l.item WHERE "
            + suiteql.both(
                _COUNTED,
                suiteql.since("t.lastmodifieddate", since, self._book.setup.time_zone),
                f"l.uniquekey > {int(cursor or 0)}",
            )
            + " ORDER BY l.uniquekey",
            _MOVES_A_PAGE,
        )
        skus = tuple(dict.fromkeys(row["sku"] for row in rows))
        return Page(skus, rows[-1]["id"] if len(rows) == _MOVES_A_PAGE else None)


def _item(row: Mapping[str, Any], currency: str, zone: ZoneInfo) -> Item:
    price = row.get("price")
    return Item(
        ref=row["id"],
        sku=row["sku"],
        name=row.get("name") or row["sku"],
        parent_ref=row.get("parent"),
        barcodes=(row["barcode"],) if row.get("barcode") else (),
        price=money(price).quantize(Decimal("0.01")) if price is not None else None,
        currency=currency,
        active=row["gone"] == "F",
        options={},
        modified_at=suiteql.read_moment(row["modified"], zone),
    )


def _level(row: Mapping[str, Any], location: str, as_of: datetime) -> StockLevel:
    on_hand, reserved = exact(row.get("onhand")), exact(row.get("committed"))
    return StockLevel(
        sku=row["sku"],
        location=location or None,
        on_hand=on_hand,
        reserved=reserved,
        available=on_hand - reserved - exact(row.get("waiting")),
        as_of=as_of,
    )
