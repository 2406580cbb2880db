"""Items and stock in Tryton: variants, their barcodes and options, levels and movements."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sync.domain.documents import Item, StockLevel
from sync.erp.port import Page
from sync.erp.tryton.changed import changed
from sync.erp.tryton.client import TrytonClient
from sync.erp.tryton.references import ReferenceBook
from sync.erp.tryton.wire import exact

_ITEM_FIELDS = (
    "code",
    "description",
    "active",
    "list_price_used",
    "write_date",
    "create_date",
    "identifiers.code",
    "identifiers.type",
    "template.name",
    "template.write_date",
)
_BARCODES = {"ean", "isbn", "ismn", "brand", None}
# Where a change to an item can show: on the variant, its product, its barcodes, its prices.
_CHANGE_MARKS = ("", "template.", "identifiers.", "list_prices.", "template.list_prices.")
_LEVELS_A_PAGE, _MOVES_A_PAGE = 500, 1000


class Items:
    """Goods only: services (shipping, rounding) are nobody's listing."""

    def __init__(self, client: TrytonClient, book: ReferenceBook) -> None:
        self._client, self._book = client, book

    def page(self, since: datetime | None, cursor: str | None, limit: int) -> Page[Item]:
        """See ErpPort.items; the cursor is the last id seen."""
        currency = self._book.get().currency
        domain: list[object] = [["type", "=", "goods"]]
        if since is not None:
            domain.append(changed(since, _CHANGE_MARKS))
        if cursor is not None:
            domain.append(["id", ">", int(cursor)])
        # Retired items too. Naming `active` in the domain is not enough: Tryton adds it again to
        # every nested OR that does not name it.
        rows = self._client.rows(
            "product.product", domain, _ITEM_FIELDS, limit=limit, active_test=False
        )
        items = tuple(_item(row, currency) for row in rows)
        return Page(items, str(rows[-1]["id"]) if len(rows) == limit else None)

    def stock(self, skus: Sequence[str] | None, cursor: str | None) -> Page[StockLevel]:
        """See ErpPort.stock: one level for each warehouse of the shop; the cursor is an id.

        On hand counts what lies there; reserved is what is assigned to shipments; available also
        takes off confirmed orders nobody has assigned yet.
        """
        domain: list[object] = [["type", "=", "goods"]]
        if skus is not None:
            domain.append(["code", "in", list(skus)])
        if cursor is not None:
            domain.append(["id", ">", int(cursor)])
        found = self._client.read(
            "model.product.product.search", domain, 0, _LEVELS_A_PAGE, [["id", "ASC"]]
        )
        references = self._book.get()
        as_of = datetime.now(UTC)
        levels: list[StockLevel] = []
        for warehouse, name in references.warehouses.items():
            levels += self._levels(found, warehouse, name, as_of)
        more = len(found) == _LEVELS_A_PAGE
        return Page(tuple(levels), str(found[-1]) if more else None)

    def _levels(
        self, products: Sequence[int], warehouse: int, name: str, as_of: datetime
    ) -> list[StockLevel]:
        today = as_of.astimezone(self._book.get().time_zone).date()
        domain = [["id", "in", list(products)]]
        fields = ["code", "quantity", "forecast_quantity"]
        place: dict[str, Any] = {"locations": [warehouse], "stock_date_end": today}
        plain = self._client.rows("product.product", domain, fields, **place)
        left = self._client.rows("product.product", domain, fields, stock_assign=True, **place)
        unassigned = {row["id"]: exact(row["quantity"]) for row in left}
        return [
            StockLevel(
                sku=row["code"] or "",
                location=name,
                on_hand=exact(row["quantity"]),
                reserved=exact(row["quantity"]) - unassigned[row["id"]],
                available=exact(row["forecast_quantity"]),
                as_of=as_of,
            )
            for row in plain
            if row["id"] in unassigned
        ]

    def moved(self, since: datetime, cursor: str | None) -> Page[str]:
        """See ErpPort.stock_changed; the cursor is the last movement's id."""
        domain: list[object] = [changed(since, ("",))]
        if cursor is not None:
            domain.append(["id", ">", int(cursor)])
        rows = self._client.rows("stock.move", domain, ["product.code"], limit=_MOVES_A_PAGE)
        skus = dict.fromkeys(row["product."]["code"] for row in rows if row["product."]["code"])
        return Page(tuple(skus), str(rows[-1]["id"]) if len(rows) == _MOVES_A_PAGE else None)


def _item(row: Mapping[str, Any], currency: str) -> Item:
    template = row["template."]
    free, options = _described(row["description"] or "")
    marks = [row["write_date"], row["create_date"], template["write_date"]]
    return Item(
        ref=str(row["id"]),
        sku=row["code"] or "",
        name=free or template["name"],
        parent_ref=str(template["id"]),
        barcodes=tuple(
            found["code"] for found in row["identifiers."] if found["type"] in _BARCODES
        ),
        price=row["list_price_used"],
        currency=currency,
        active=row["active"],
        options=options,
        modified_at=max(mark for mark in marks if mark is not None),
    )


def _described(description: str) -> tuple[str, dict[str, str]]:
    """A variant's description: its own name on a line, then its options as `Size: M` lines."""
    free: list[str] = []
    options: dict[str, str] = {}
    for line in description.splitlines():
        name, colon, value = line.partition(":")
        if colon and value.strip() and len(name.split()) == 1:
            options[name.strip().lower()] = value.strip()
        elif line.strip():
            free.append(line.strip())
    return (free[0] if free else ""), options
