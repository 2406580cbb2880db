"""Customer invoices and credit notes as Tryton holds them, to the line and to the tax code.

Tryton stores no tax by line. With tax rounding per line (which our check insists on) it rounds
each line's tax to the currency, half to even, and adds those up (`TaxableMixin._get_taxes`); the
same sum is done here. Where the total for a code is another (a person wrote it, `manual`), the
line that is alone with its code takes the stored total, and otherwise the lines keep theirs.

A posted invoice cannot be changed except in its words (`_check_modify_exclude`: reference,
description, comment, a line's note and description). Accountants cancel it and make a new one,
where the company allows that (`cancel_invoice_out`); both show as changes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
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
from sync.erp.port import Page
from sync.erp.tryton.changed import changed
from sync.erp.tryton.client import TrytonClient
from sync.erp.tryton.keyed import among, key_of, words_of
from sync.erp.tryton.references import ReferenceBook
from sync.erp.tryton.sales import noted
from sync.erp.tryton.wire import exact

_A_PAGE = 100
_ROUNDING = "half_even"  # Tryton's Currency.round
_FIELDS = (
    *("number", "state", "invoice_date", "accounting_date", "reference", "party.code", "move"),
    *("currency.code", "untaxed_amount", "tax_amount", "total_amount"),
    *("write_date", "create_date", "sales.web_id", "sales.reference"),
    *("lines.product.code", "lines.description", "lines.note", "lines.origin", "lines.type"),
    *("lines.quantity", "lines.unit_price", "lines.amount", "lines.account.code"),
    *("lines.taxes.description", "lines.taxes.rate"),
    *("taxes.tax.description", "taxes.base", "taxes.amount", "taxes.account.code", "taxes.manual"),
)
_STATES = {
    "draft": DocumentState.DRAFT,
    "validated": DocumentState.DRAFT,
    "posted": DocumentState.POSTED,
    "paid": DocumentState.PAID,
    "cancelled": DocumentState.CANCELLED,
}
_LINE_ORIGIN = "account.invoice.line,"


class Documents:
    """Reads `account.invoice` of type out; a credit note is one with negative quantities."""

    def __init__(self, client: TrytonClient, book: ReferenceBook) -> None:
        self._client, self._book = client, book

    def page(self, since: datetime, cursor: str | None) -> Page[PostedDocument]:
        """See ErpPort.documents; the cursor is the last id seen."""
        domain: list[object] = [
            ["type", "=", "out"],
            ["company", "=", self._book.get().company],
            changed(since, ("", "lines.", "taxes.")),
        ]
        if cursor is not None:
            domain.append(["id", ">", int(cursor)])
        rows = self._client.rows("account.invoice", domain, _FIELDS, limit=_A_PAGE)
        found = tuple(self._documents(rows))
        return Page(found, str(rows[-1]["id"]) if len(rows) == _A_PAGE else None)

    def of_orders(self, order_keys: Sequence[str]) -> dict[str, tuple[PostedDocument, ...]]:
        """See ErpPort.find_documents."""
        if not order_keys:
            return {}
        mine = [["web_shop", "=", self._book.get().shop], ["web_id", "in", list(order_keys)]]
        sales = self._client.rows("sale.sale", mine, ["invoices"])
        invoices = [invoice for row in sales for invoice in row["invoices"]]
        if not invoices:
            return {}
        rows = self._client.rows(
            "account.invoice",
            [["OR", ["id", "in", invoices], ["lines.origin.invoice.id", "in", invoices, _MODEL]]],
            _FIELDS,
        )
        found: dict[str, tuple[PostedDocument, ...]] = {}
        for document in self._documents(rows):
            found[document.order_key] = (*found.get(document.order_key, ()), document)
        return {key: found[key] for key in order_keys if key in found}

    def credit_notes(self, keys: Sequence[str]) -> dict[str, PostedDocument]:
        """See ErpPort.find_credit_notes; cancelled ones only where there is no other."""
        if not keys:
            return {}
        rows = self._client.rows("account.invoice", [["type", "=", "out"], among(keys)], _FIELDS)
        found: dict[str, PostedDocument] = {}
        for document in self._documents(rows):
            known = found.get(document.key)
            if document.key in keys and (known is None or known.state is DocumentState.CANCELLED):
                found[document.key] = document
        return found

    def _documents(self, rows: Sequence[Mapping[str, Any]]) -> list[PostedDocument]:
        origins = self._originals(rows)
        return [_document(row, origins) for row in rows]

    def _originals(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
        """The invoice lines that credit notes take back, by Tryton's name for them."""
        ids = {
            int(line["origin"].removeprefix(_LINE_ORIGIN))
            for row in rows
            for line in row["lines."]
            if (line["origin"] or "").startswith(_LINE_ORIGIN)
        }
        if not ids:
            return {}
        lines = self._client.rows(
            "account.invoice.line",
            [["id", "in", sorted(ids)]],
            ["note", "invoice", "invoice.sales.web_id", "invoice.sales.reference"],
        )
        return {f"{_LINE_ORIGIN}{line['id']}": line for line in lines}


_MODEL = "account.invoice.line"


def _document(row: Mapping[str, Any], originals: Mapping[str, Mapping[str, Any]]) -> PostedDocument:
    lines = [line for line in row["lines."] if line["type"] == "line"]
    taken_back = [originals[line["origin"]] for line in lines if line["origin"] in originals]
    sales = [*row["sales."], *[sale for line in taken_back for sale in line["invoice."]["sales."]]]
    sale = sales[0] if sales else None
    order_key = (sale["web_id"] or "") if sale else ""
    own_key = key_of(row["reference"])
    negative = row["total_amount"] < 0 or bool(taken_back)
    return PostedDocument(
        ref=str(row["id"]),
        kind=DocumentKind.CREDIT_NOTE if negative else DocumentKind.INVOICE,
        state=_STATES[row["state"]],
        erp_state=row["state"],
        number=row["number"],
        key=own_key or ("" if negative else order_key),
        order_key=order_key,
        order_ref=str(sale["id"]) if sale else "",
        reference=words_of(row["reference"]) or ((sale["reference"] or "") if sale else ""),
        party=row["party."]["code"],
        dated=row["accounting_date"] or row["invoice_date"],
        currency=row["currency."]["code"],
        net=row["untaxed_amount"],
        tax=row["tax_amount"],
        gross=row["total_amount"],
        lines=_lines(row, lines, originals),
        taxes=tuple(
            DocumentTax(
                tax_code=tax["tax."]["description"] if tax["tax."] else "",
                base=tax["base"],
                amount=tax["amount"],
                account=tax["account."]["code"],
                by_hand=bool(tax["manual"]),
            )
            for tax in row["taxes."]
        ),
        move_ref=str(row["move"]) if row["move"] else None,
        reverses=tuple(dict.fromkeys(str(line["invoice"]) for line in taken_back)),
        modified_at=row["write_date"] or row["create_date"],
    )


def _lines(
    row: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    originals: Mapping[str, Mapping[str, Any]],
) -> tuple[DocumentLine, ...]:
    stored: dict[str, Decimal] = {}
    for tax in row["taxes."]:
        code = tax["tax."]["description"] if tax["tax."] else ""
        stored[code] = stored.get(code, Decimal(0)) + tax["amount"]
    users = Counter(tax["description"] for line in lines for tax in line["taxes."])
    currency = row["currency."]["code"]
    found: list[DocumentLine] = []
    for line in lines:
        original = originals.get(line["origin"] or "")
        line_key, sku = noted(line["note"] or (original["note"] if original else None))
        tax = Decimal(0)
        for one in line["taxes."]:
            code = one["description"]
            if users[code] == 1 and code in stored:
                tax += stored[code]
            else:
                quantity = exact(line["quantity"])
                base = quantity * line["unit_price"]
                tax += round_to_unit(base * (one["rate"] or 0), currency, _ROUNDING)
        found.append(
            DocumentLine(
                ref=str(line["id"]),
                line_key=line_key,
                sku=sku or ((line["product."] or {}).get("code") or ""),
                description=line["description"] or "",
                quantity=exact(line["quantity"]),
                unit_price=line["unit_price"],
                net=line["amount"],
                tax=tax,
                tax_codes=tuple(one["description"] for one in line["taxes."]),
                account=line["account."]["code"],
            )
        )
    return tuple(found)
