"""Invoices and refunds in Odoo, read to the line and the tax."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from mkterp.core.money import round_to_unit
from sync.domain.documents import (
    DocumentKind,
    DocumentLine,
    DocumentState,
    DocumentTax,
    PostedDocument,
)
from sync.erp.odoo.client import OdooClient
from sync.erp.odoo.items import moment
from sync.erp.odoo.orders import Orders
from sync.erp.odoo.references import ReferenceBook, money
from sync.erp.odoo.sales import noted
from sync.erp.port import Page
from sync.erp.wire import exact

PREFIX = "mkterp "  # before our key in a refund's source
_DOCUMENTS_A_PAGE = 200
_MOVE = "account.move"
_FIELDS = (
    *("name", "move_type", "state", "payment_state", "ref", "invoice_origin", "date"),
    *("partner_id", "currency_id", "reversed_entry_id", "write_date"),
    *("amount_untaxed", "amount_tax", "amount_total"),
)
LINE_FIELDS = (
    *("move_id", "display_type", "name", "product_id", "account_id", "quantity", "price_unit"),
    *("price_subtotal", "price_total", "tax_ids", "tax_line_id", "tax_base_amount", "balance"),
    "sale_line_ids",
)
_TYPES = ["move_type", "in", ["out_invoice", "out_refund"]]


class Documents:
    """What stands in a document is what Odoo holds now, whoever wrote it."""

    def __init__(self, client: OdooClient, book: ReferenceBook, orders: Orders) -> None:
        self._client, self._book, self._orders = client, book, orders

    def page(self, since: datetime, cursor: str | None) -> Page[PostedDocument]:
        """See ErpPort.documents; the cursor is the last id seen."""
        domain: list[object] = [_TYPES, ["write_date", ">=", since]]
        if cursor is not None:
            domain.append(["id", ">", int(cursor)])
        rows = self._client.rows(_MOVE, domain, _FIELDS, limit=_DOCUMENTS_A_PAGE)
        more = len(rows) == _DOCUMENTS_A_PAGE
        return Page(tuple(self._read(rows)), str(rows[-1]["id"]) if more else None)

    def of_orders(self, order_keys: Sequence[str]) -> dict[str, tuple[PostedDocument, ...]]:
        """See ErpPort.find_documents."""
        sales = self._orders.rows(order_keys)
        invoices = sorted({i for row in sales.values() for i in row["invoice_ids"]})
        if not invoices:
            return {}
        domain: list[object] = [
            _TYPES,
            "|",
            ["id", "in", invoices],
            ["reversed_entry_id", "in", invoices],
        ]
        found: dict[str, tuple[PostedDocument, ...]] = {}
        for document in self._read(self._client.rows(_MOVE, domain, _FIELDS)):
            found[document.order_key] = (*found.get(document.order_key, ()), document)
        return {key: found[key] for key in order_keys if key in found}

    def credit_notes(self, keys: Sequence[str]) -> dict[str, PostedDocument]:
        """See ErpPort.find_credit_notes; cancelled ones only where there is no other."""
        if not keys:
            return {}
        domain: list[object] = [
            ["move_type", "=", "out_refund"],
            ["invoice_origin", "in", [PREFIX + key for key in keys]],
        ]
        found: dict[str, PostedDocument] = {}
        for document in self._read(self._client.rows(_MOVE, domain, _FIELDS)):
            known = found.get(document.key)
            if known is None or known.state is DocumentState.CANCELLED:
                found[document.key] = document
        return found

    def lines(self, moves: Collection[int]) -> list[dict[str, Any]]:
        """The ledger lines of these moves."""
        domain = [["move_id", "in", sorted(moves)]]
        return self._client.rows("account.move.line", domain, LINE_FIELDS) if moves else []

    def codes(self, model: str, field: str, ids: Collection[int]) -> dict[int, str]:
        """A field of records by their id, archived ones too."""
        if not ids:
            return {}
        rows = self._client.rows(model, [["id", "in", sorted(ids)]], [field], archived=True)
        return {row["id"]: row[field] or "" for row in rows}

    # -- inside ---------------------------------------------------------------------------------

    def _read(self, rows: Sequence[Mapping[str, Any]]) -> list[PostedDocument]:
        if not rows:
            return []
        # A refund's lines name no sale; those of the invoice it takes back do.
        moves = {row["id"] for row in rows}
        originals = {row["reversed_entry_id"][0] for row in rows if row["reversed_entry_id"]}
        lines = self.lines(moves | originals)
        sold = {i for line in lines for i in line["sale_line_ids"]}
        orders = self._orders_of(sold)
        accounts = self.codes("account.account", "code", _ids(lines, "account_id"))
        products = self.codes("product.product", "default_code", _ids(lines, "product_id"))
        taxes = {t for line in lines for t in line["tax_ids"]} | _ids(lines, "tax_line_id")
        names = self.codes("account.tax", "name", taxes)
        parties = self.codes("res.partner", "ref", _ids(rows, "partner_id"))
        books = _Books(accounts, products, names)
        found: list[PostedDocument] = []
        for row in rows:
            mine = [line for line in lines if line["move_id"][0] == row["id"]]
            source = row["reversed_entry_id"][0] if row["reversed_entry_id"] else row["id"]
            sale_lines = [i for x in lines if x["move_id"][0] == source for i in x["sale_line_ids"]]
            order = orders.get(sale_lines[0]) if sale_lines else None
            found.append(_document(row, mine, books, parties, order))
        return found

    def _orders_of(self, sale_lines: Collection[int]) -> dict[int, Mapping[str, Any]]:
        if not sale_lines:
            return {}
        lines = self._client.rows(
            "sale.order.line", [["id", "in", sorted(sale_lines)]], ["order_id"]
        )
        wanted = sorted({line["order_id"][0] for line in lines})
        orders = self._client.rows(
            "sale.order", [["id", "in", wanted]], ["origin", "client_order_ref"]
        )
        by_id = {order["id"]: order for order in orders}
        return {line["id"]: by_id[line["order_id"][0]] for line in lines}


class _Books:
    """The names behind the ids in a document's lines."""

    def __init__(
        self, accounts: Mapping[int, str], products: Mapping[int, str], taxes: Mapping[int, str]
    ) -> None:
        self.accounts, self.products, self.taxes = accounts, products, taxes


def _ids(rows: Sequence[Mapping[str, Any]], field: str) -> set[int]:
    return {row[field][0] for row in rows if row[field]}


def _document(
    row: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    books: _Books,
    parties: Mapping[int, str],
    order: Mapping[str, Any] | None,
) -> PostedDocument:
    refund = row["move_type"] == "out_refund"
    sign = -1 if refund else 1
    currency = row["currency_id"][1]
    order_key = (order["origin"] or "") if order else ""
    source = row["invoice_origin"] or ""
    own_key = source.removeprefix(PREFIX) if refund and source.startswith(PREFIX) else ""
    told = [
        _line(line, books, sign, currency) for line in lines if line["display_type"] == "product"
    ]
    amounts = [
        sign * round_to_unit(money(row[name]), currency)
        for name in ("amount_untaxed", "amount_tax", "amount_total")
    ]
    return PostedDocument(
        ref=str(row["id"]),
        kind=DocumentKind.CREDIT_NOTE if refund else DocumentKind.INVOICE,
        state=_state(row),
        erp_state=row["state"],
        number=row["name"] if row["name"] not in (False, "/") else None,
        key=own_key or ("" if refund else order_key),
        order_key=order_key,
        order_ref=str(order["id"]) if order else "",
        reference=row["ref"] or "",
        party=parties.get(row["partner_id"][0], "") if row["partner_id"] else "",
        dated=date.fromisoformat(row["date"]) if row["date"] else None,
        currency=currency,
        net=amounts[0],
        tax=amounts[1],
        gross=amounts[2],
        lines=tuple(told),
        taxes=_taxes(lines, told, books, sign, currency),
        move_ref=str(row["id"]) if row["state"] == "posted" else None,
        reverses=(str(row["reversed_entry_id"][0]),) if row["reversed_entry_id"] else (),
        modified_at=moment(row["write_date"]),
    )


def _state(row: Mapping[str, Any]) -> DocumentState:
    if row["state"] == "posted":
        paid = row["payment_state"] == "paid"
        return DocumentState.PAID if paid else DocumentState.POSTED
    return DocumentState.CANCELLED if row["state"] == "cancel" else DocumentState.DRAFT


def _line(line: Mapping[str, Any], books: _Books, sign: int, currency: str) -> DocumentLine:
    facts = noted(line["name"])
    net = round_to_unit(money(line["price_subtotal"]), currency)
    gross = round_to_unit(money(line["price_total"]), currency)
    sku = facts.sku or (books.products.get(line["product_id"][0]) if line["product_id"] else "")
    return DocumentLine(
        ref=str(line["id"]),
        line_key=facts.key,
        sku=sku or "",
        description=(line["name"] or "").partition("\n")[0],
        quantity=sign * exact(line["quantity"]),
        unit_price=money(line["price_unit"]),
        net=sign * net,
        tax=sign * (gross - net),
        tax_codes=tuple(books.taxes[ident] for ident in line["tax_ids"]),
        account=books.accounts[line["account_id"][0]],
    )


def _taxes(
    lines: Sequence[Mapping[str, Any]],
    told: Sequence[DocumentLine],
    books: _Books,
    sign: int,
    currency: str,
) -> tuple[DocumentTax, ...]:
    """Odoo's tax lines, and the taxes of nothing for which it writes none."""
    found = [
        DocumentTax(
            tax_code=books.taxes[line["tax_line_id"][0]],
            base=sign * round_to_unit(abs(money(line["tax_base_amount"])), currency),
            amount=-round_to_unit(money(line["balance"]), currency),
            account=books.accounts[line["account_id"][0]],
        )
        for line in lines
        if line["tax_line_id"]
    ]
    written = {tax.tax_code for tax in found}
    for code in dict.fromkeys(code for line in told for code in line.tax_codes):
        if code not in written:
            base = sum((line.net for line in told if code in line.tax_codes), Decimal(0))
            found.append(DocumentTax(code, base, Decimal(0), ""))
    return tuple(found)
