"""Money back in Tryton: a customer invoice with negative quantities, tied to the original's lines.

Made directly, not by a negative sale: a sale would wait for goods that may never come back. The
origin is the invoice line that is given back (what Tryton's own wizard writes), so account, item,
taxes and the date they are computed at are the original's, whatever has been retired since.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sync.domain.delivery import Rejected, Transient
from sync.domain.documents import (
    CreditNoteDraft,
    DocumentState,
    LineKind,
    OrderLine,
    PostedDocument,
    WriteStatus,
    Written,
)
from sync.erp.tryton.client import TrytonClient
from sync.erp.tryton.documents import Documents
from sync.erp.tryton.keyed import keyed
from sync.erp.tryton.periods import period_of
from sync.erp.tryton.references import ReferenceBook
from sync.erp.tryton.sales import line_note, noted
from sync.erp.tryton.wire import Quantity

_INVOICE = "model.account.invoice"
_LINE_FIELDS = (
    *("note", "product", "unit", "account", "amount", "taxes.description", "taxes_date"),
    *("invoice.accounting_date", "invoice.invoice_date", "invoice.state"),
    *("invoice.party", "invoice.invoice_address", "invoice.account", "invoice.journal"),
    *("invoice.currency", "invoice.payment_term", "invoice.currency.code"),
)


class CreditNotes:
    """Tryton keeps no key of a credit note unique: we look first, one writer a key."""

    def __init__(self, client: TrytonClient, book: ReferenceBook, documents: Documents) -> None:
        self._client, self._book, self._documents = client, book, documents

    def post(self, draft: CreditNoteDraft) -> Written:
        """See ErpPort.post_credit_note."""
        found = self._documents.credit_notes([draft.key]).get(draft.key)
        if found and found.state in {DocumentState.POSTED, DocumentState.PAID}:
            return Written(found.ref, found.number, WriteStatus.EXISTED, document=found)
        period_of(self._client, self._book.get().company, draft.dated)
        if found and found.state is DocumentState.DRAFT:
            # What an attempt that was cut off left behind: made anew, it cannot be stale.
            self._client.write(f"{_INVOICE}.delete", [int(found.ref)])
        originals = self._originals(draft)
        values = self._values(draft, originals)
        (invoice,) = self._client.write(f"{_INVOICE}.create", [values])
        self._check(draft, invoice)
        self._client.write(f"{_INVOICE}.post", [invoice])
        posted = self._read(draft.key)
        return Written(posted.ref, posted.number, WriteStatus.CREATED, document=posted)

    def _read(self, key: str) -> PostedDocument:
        found = self._documents.credit_notes([key]).get(key)
        if found is None or found.state not in {DocumentState.POSTED, DocumentState.PAID}:
            raise Transient("Tryton had the credit note a moment ago and does not show it posted.")
        return found

    def _check(self, draft: CreditNoteDraft, invoice: int) -> None:
        """Nothing is posted that is not the money that went back."""
        (row,) = self._client.rows(
            "account.invoice",
            [["id", "=", invoice]],
            ["untaxed_amount", "tax_amount", "total_amount"],
        )
        told = (-row["untaxed_amount"], -row["tax_amount"], -row["total_amount"])
        if told != (draft.net, draft.tax, draft.gross):
            self._client.write(f"{_INVOICE}.delete", [invoice])
            raise Rejected(
                f"Tryton computes {told[0]} + {told[1]} for {draft.reference}, "
                f"not {draft.net} + {draft.tax}."
            )

    def _originals(self, draft: CreditNoteDraft) -> dict[str, dict[str, Any]]:
        """The invoice lines of the order by our line key, each with what is left to give back."""
        shop = self._book.get().shop
        sales = self._client.rows(
            "sale.sale", [["web_shop", "=", shop], ["web_id", "=", draft.order_key]], ["invoices"]
        )
        if not sales:
            raise Rejected(f"Tryton has no order {draft.order_key}.", "order")
        lines = self._client.rows(
            "account.invoice.line",
            [
                ["invoice", "in", sales[0]["invoices"]],
                ["invoice.state", "!=", "cancelled"],
                ["type", "=", "line"],
            ],
            _LINE_FIELDS,
        )
        back = self._client.rows(
            "account.invoice.line",
            [
                ["origin", "in", [f"account.invoice.line,{line['id']}" for line in lines]],
                ["invoice.state", "!=", "cancelled"],
            ],
            ["origin", "amount"],
        )
        found: dict[str, dict[str, Any]] = {}
        for line in lines:
            mine = f"account.invoice.line,{line['id']}"
            given = sum((one["amount"] for one in back if one["origin"] == mine), Decimal(0))
            line["left"] = line["amount"] + given
            key, _ = noted(line["note"])
            # A line invoiced in parts: the part with the most left takes what is given back.
            if key not in found or found[key]["left"] < line["left"]:
                found[key] = line
        if not found:
            raise Rejected(f"Nothing of {draft.reference}'s order is invoiced yet.", "order")
        return found

    def _values(
        self, draft: CreditNoteDraft, originals: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Any]:
        invoice = next(iter(originals.values()))["invoice."]
        if invoice["currency."]["code"] != draft.currency:
            raise Rejected(f"The invoice of {draft.reference} is in another currency.", "currency")
        facts = [f"{name}: {value}" for name, value in draft.attributes.items() if value]
        return {
            "company": self._book.get().company,
            "type": "out",
            "party": invoice["party"],
            "invoice_address": invoice["invoice_address"],
            "account": invoice["account"],
            "journal": invoice["journal"],
            "currency": invoice["currency"],
            "payment_term": invoice["payment_term"],
            # The date of the books. The document's own date stays empty (Tryton takes today's):
            # its numbers must follow its dates, so a refund could not be dated before another.
            "accounting_date": draft.dated,
            "reference": keyed(draft.reference, draft.key),
            "description": ", ".join([draft.reason, *facts] if draft.reason else facts)[:200],
            "lines": [
                [
                    "create",
                    [
                        self._line(line, draft, originals.get(line.key), invoice["currency"])
                        for line in draft.lines
                    ],
                ]
            ],
        }

    def _line(
        self,
        line: OrderLine,
        draft: CreditNoteDraft,
        original: Mapping[str, Any] | None,
        currency: int,
    ) -> dict[str, Any]:
        common = {
            "type": "line",
            "invoice_type": "out",
            "company": self._book.get().company,
            "currency": currency,
            "quantity": Quantity(-line.quantity),
            "unit_price": line.unit_price,
            "description": line.description,
            "note": line_note(line),
        }
        if original is None:
            if line.kind is LineKind.ROUNDING:
                return {**common, **self._rounding()}
            raise Rejected(
                f"Line {line.key} of {draft.reference} is not invoiced: amend the order instead.",
                "line",
            )
        codes = [tax["description"] for tax in original["taxes."]]
        if codes != ([line.tax_code] if line.tax_code else []):
            named = ", ".join(codes) or "no tax"
            raise Rejected(
                f"Line {line.key} of {draft.reference} was sold with {named}.", "tax_code"
            )
        if abs(line.net) > abs(original["left"]):
            raise Rejected(
                f"{draft.reference} gives back {line.net} of line {line.key}; "
                f"{original['left']} is left of it.",
                "net",
            )
        invoice = original["invoice."]
        taxed = original["taxes_date"] or invoice["accounting_date"] or invoice["invoice_date"]
        return {
            **common,
            "product": original["product"],
            "unit": original["unit"],
            "account": original["account"],
            "taxes": [["add", [tax["id"] for tax in original["taxes."]]]],
            "taxes_date": taxed,
            "origin": f"account.invoice.line,{original['id']}",
        }

    def _rounding(self) -> dict[str, Any]:
        """The penny of a refund whose order had none."""
        code = self._book.names.rounding_item
        category = "account_category."
        rows: Sequence[Mapping[str, Any]] = self._client.rows(
            "product.product",
            [["code", "=", code]],
            [
                "default_uom",
                f"{category}account_revenue",
                f"{category}parent.account_revenue",
            ],
        )
        if not rows:
            raise Rejected(f"Tryton has no active item {code}.", "sku")
        found = rows[0][category] or {}
        # Where a category uses its parent's accounts it has none of its own.
        account = found.get("account_revenue") or (found.get("parent.") or {}).get(
            "account_revenue"
        )
        if not account:
            raise Rejected(f"The accounting category of {code} has no revenue account.", "sku")
        return {
            "product": rows[0]["id"],
            "unit": rows[0]["default_uom"],
            "account": account,
        }
