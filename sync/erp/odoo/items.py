"""Items and stock in Odoo: variants, their options, levels and movements."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sync.domain.documents import Item, StockLevel
from sync.erp.odoo.client import OdooClient
from sync.erp.odoo.references import ReferenceBook, money
from sync.erp.port import Page
from sync.erp.wire import exact

_FIELDS = (
    *("default_code", "barcode", "name", "lst_price", "active", "write_date"),
    *("product_tmpl_id", "product_template_attribute_value_ids"),
)
_LEVELS_A_PAGE, _MOVES_A_PAGE = 500, 1000


def moment(text: str) -> datetime:
    """A time as Odoo writes it: UTC without saying so, whole seconds."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


class Items:
    """Goods that are counted; services (shipping, rounding) are nobody's listing."""

    def __init__(self, client: OdooClient, book: ReferenceBook) -> None:
        self._client, self._book = client, book

    def page(self, since: datetime | None, cursor: str | None, limit: int) -> Page[Item]:
        """See ErpPort.items; the cursor is the last id seen."""
        references = self._book.get()
        domain: list[object] = [list(references.fields.storable)]
        if since is not None:
            template = ["product_tmpl_id.write_date", ">=", since]
            domain += ["|", ["write_date", ">=", since], template]
        if cursor is not None:
            domain.append(["id", ">", int(cursor)])
        rows = self._client.rows("product.product", domain, _FIELDS, limit=limit, archived=True)
        options = self._options(rows)
        items = tuple(_item(row, references.currency, options) for row in rows)
        return Page(items, str(rows[-1]["id"]) if len(rows) == limit else None)

    def _options(self, rows: Sequence[Mapping[str, Any]]) -> dict[int, tuple[str, str]]:
        ids = sorted({i for row in rows for i in row["product_template_attribute_value_ids"]})
        if not ids:
            return {}
        model = "product.template.attribute.value"
        values = self._client.rows(
            model, [["id", "in", ids]], ["name", "attribute_id"], archived=True
        )
        return {v["id"]: (v["attribute_id"][1].lower(), v["name"]) for v in values}

    def stock(self, skus: Sequence[str] | None, cursor: str | None) -> Page[StockLevel]:
        """See ErpPort.stock: our warehouse's levels; the cursor is the last id seen.

        Reserved is what Odoo has assigned to deliveries; available takes off every open delivery,
        assigned or not, and counts on nothing that is still to come in.
        """
        references = self._book.get()
        domain: list[object] = [list(references.fields.storable)]
        if skus is not None:
            domain.append(["default_code", "in", list(skus)])
        if cursor is not None:
            domain.append(["id", ">", int(cursor)])
        as_of = datetime.now(UTC)
        rows = self._client.rows(
            "product.product",
            domain,
            ["default_code", "qty_available", "free_qty", "outgoing_qty"],
            limit=_LEVELS_A_PAGE,
            # Called `warehouse` up to 16 and `warehouse_id` since.
            context={"warehouse": references.warehouse, "warehouse_id": references.warehouse},
        )
        levels = tuple(
            StockLevel(
                sku=row["default_code"] or "",
                location=references.warehouse_code,
                on_hand=exact(row["qty_available"]),
                reserved=exact(row["qty_available"]) - exact(row["free_qty"]),
                available=exact(row["qty_available"]) - exact(row["outgoing_qty"]),
                as_of=as_of,
            )
            for row in rows
        )
        return Page(levels, str(rows[-1]["id"]) if len(rows) == _LEVELS_A_PAGE else None)

    def moved(self, since: datetime, cursor: str | None) -> Page[str]:
        """See ErpPort.stock_changed; the cursor is the last movement's id."""
        domain: list[object] = [["write_date", ">=", since]]
        if cursor is not None:
            domain.append(["id", ">", int(cursor)])
        moves = self._client.rows("stock.move", domain, ["product_id"], limit=_MOVES_A_PAGE)
        products = sorted({row["product_id"][0] for row in moves if row["product_id"]})
        skus: list[str] = []
        if products:
            rows = self._client.rows("product.product", [["id", "in", products]], ["default_code"])
            skus = [row["default_code"] for row in rows if row["default_code"]]
        return Page(tuple(skus), str(moves[-1]["id"]) if len(moves) == _MOVES_A_PAGE else None)


def _item(row: Mapping[str, Any], currency: str, options: Mapping[int, tuple[str, str]]) -> Item:
    return Item(
        ref=str(row["id"]),
        sku=row["default_code"] or "",
        name=row["name"],
        parent_ref=str(row["product_tmpl_id"][0]),
        barcodes=(row["barcode"],) if row["barcode"] else (),
        price=money(row["lst_price"]).quantize(Decimal("0.01")),
        currency=currency,
        active=row["active"],
        options=dict(
            options[i] for i in row["product_template_attribute_value_ids"] if i in options
        ),
        modified_at=moment(row["write_date"]),
    )
