"""Invoices and credit memos in Business Central, read to the line and the tax.

A credit memo that only corrects an invoice which people have cancelled is not told: the invoice is,
as cancelled. Which account a line with goods was booked on is read in the ledger.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sync.domain.documents import (
    AccountKind,
    DocumentKind,
    DocumentLine,
    DocumentState,
    DocumentTax,
    PostedDocument,
)
from sync.erp.business_central import sales
from sync.erp.business_central.client import BusinessCentralClient, Row
from sync.erp.business_central.items import changed, moment
from sync.erp.business_central.ledger import ENTRIES
from sync.erp.business_central.references import document_key, memo_half, money
from sync.erp.business_central.setup import Book
from sync.erp.port import Page
from sync.erp.wire import exact

INVOICES, MEMOS = "salesInvoices", "salesCreditMemos"
LINES = {INVOICES: "salesInvoiceLines", MEMOS: "salesCreditMemoLines"}
_A_PAGE = 200
_EXTERNAL = "externalDocumentNumber"
_STATES = {
    "Draft": DocumentState.DRAFT,
    "In Review": DocumentState.DRAFT,
    "Open": DocumentState.POSTED,
    "Paid": DocumentState.PAID,
    "Canceled": DocumentState.CANCELLED,
}
_CORRECTIVE = "Corrective"
_ZERO = Decimal(0)


class Documents:
    """A ref is the document's number, by which the ledger's entries name it."""

    def __init__(self, client: BusinessCentralClient, book: Book) -> None:
        self._client, self._book = client, book

    def page(self, since: datetime, cursor: str | None) -> Page[PostedDocument]:
        """See ErpPort.documents: invoices, then credit memos; the cursor says which and where."""
        entity, _, place = (cursor or INVOICES).partition(" ")
        rows, after = self._client.page(
            entity, changed(since), place or None, _A_PAGE, expand=LINES[entity]
        )
        following = f"{entity} {after}" if after else MEMOS if entity == INVOICES else None
        return Page(tuple(self._read(entity, rows)), following)

    def of_orders(self, order_keys: Sequence[str]) -> dict[str, tuple[PostedDocument, ...]]:
        """See ErpPort.find_documents."""
        keys = {document_key(key): key for key in order_keys}
        rows = self._client.of(INVOICES, _EXTERNAL, keys, expand=LINES[INVOICES])
        documents = self._read(INVOICES, [row for row in rows if sales.ours(row[LINES[INVOICES]])])
        halves = [f"{memo_half(key)}-" for key in order_keys]
        memos = self._memos(halves, "startswith({},{})")
        documents += self._read(MEMOS, memos)
        found: dict[str, tuple[PostedDocument, ...]] = {}
        for document in sorted(documents, key=lambda one: (one.kind != "invoice", one.ref)):
            found[document.order_key] = (*found.get(document.order_key, ()), document)
        return {key: found[key] for key in order_keys if key in found}

    def credit_notes(self, keys: Sequence[str]) -> dict[str, PostedDocument]:
        """See ErpPort.find_credit_notes; cancelled ones only where there is no other."""
        found: dict[str, PostedDocument] = {}
        for document in self._read(MEMOS, self.memo_rows(keys)):
            known = found.get(document.key)
            if known is None or known.state is DocumentState.CANCELLED:
                found[document.key] = document
        return {key: found[key] for key in keys if key in found}

    def memo_rows(self, keys: Sequence[str]) -> list[Row]:
        """Our credit memos under these keys as rows."""
        return self._memos([f"-{memo_half(key)}" for key in keys], "endswith({},{})")

    # -- inside ---------------------------------------------------------------------------------

    def _memos(self, halves: Sequence[str], by: str) -> list[Row]:
        rows = self._client.of(MEMOS, _EXTERNAL, halves, by=by, expand=LINES[MEMOS])
        return [row for row in rows if sales.ours(row[LINES[MEMOS]])]

    def _read(self, entity: str, rows: Sequence[Row]) -> list[PostedDocument]:
        rows = [row for row in rows if row["status"] != _CORRECTIVE]
        booked = self._booked(entity, rows)
        return [self._document(entity, row, booked) for row in rows]

    def _booked(self, entity: str, rows: Sequence[Row]) -> dict[str, dict[str, Decimal]]:
        """Document number: revenue account: amount, for documents that have lines with items."""
        asking = [
            row["number"]
            for row in rows
            if _STATES[row["status"]] is not DocumentState.DRAFT
            and any(line["lineType"] == "Item" for line in row[LINES[entity]])
        ]
        found: dict[str, dict[str, Decimal]] = {}
        if not asking:
            return found
        accounts = self._book.accounts()
        kind = "Invoice" if entity == INVOICES else "Credit_x0020_Memo"
        for row in self._client.of(ENTRIES, "documentNumber", asking):
            account = accounts.get(row["accountNumber"])
            revenue = account is not None and account.group is AccountKind.REVENUE
            if revenue and row["documentType"] == kind:
                amounts = found.setdefault(row["documentNumber"], {})
                amount = self._book.cash(row["creditAmount"]) - self._book.cash(row["debitAmount"])
                amounts[row["accountNumber"]] = amounts.get(row["accountNumber"], _ZERO) + amount
        return found

    def _document(
        self, entity: str, row: Row, booked: Mapping[str, Mapping[str, Decimal]]
    ) -> PostedDocument:
        memo = entity == MEMOS
        currency, cash = row["currencyCode"] or self._book.currency(), self._book.cash
        sign = -1 if memo else 1
        inside = row[LINES[entity]]
        ours = sales.ours(inside)
        key = sales.key_of(row, inside) if ours else ""
        order_key = sales.marked(inside, sales.ORDER) if memo else key
        state = _STATES[row["status"]]
        account = _goods_account(inside, booked.get(row["number"], {}), sign)
        lines = tuple(
            self._line(line, sign, account, currency)
            for line in inside
            if line["lineType"] != "Comment"
        )
        taken_back = sales.marked(inside, sales.INVOICE) if memo else ""
        posted = state is not DocumentState.DRAFT
        return PostedDocument(
            ref=row["number"],
            kind=DocumentKind.CREDIT_NOTE if memo else DocumentKind.INVOICE,
            state=state,
            erp_state=row["status"],
            number=row["number"] if posted else None,
            key=key,
            order_key=order_key,
            order_ref="" if memo else row["orderNumber"],
            reference=sales.reference_of(inside),
            party=row["customerNumber"],
            dated=date.fromisoformat(row["postingDate"]),
            currency=currency,
            net=sign * cash(row["totalAmountExcludingTax"], currency),
            tax=sign * cash(row["totalTaxAmount"], currency),
            gross=sign * cash(row["totalAmountIncludingTax"], currency),
            lines=lines,
            taxes=self._taxes(lines),
            move_ref=row["number"] if posted else None,
            reverses=(taken_back,) if taken_back else (),
            modified_at=moment(row["lastModifiedDateTime"]),
        )

    def _line(
        self, line: Mapping[str, Any], sign: int, account: str, currency: str
    ) -> DocumentLine:
        facts = sales.noted(line)
        item = line["lineType"] == "Item"
        code = line["taxCode"]
        return DocumentLine(
            ref=line["id"],
            line_key=facts.key,
            sku=facts.sku or (line["lineObjectNumber"] if item else ""),
            description=line["description"],
            quantity=sign * exact(line["quantity"]),
            unit_price=money(line["unitPrice"]),
            net=sign * self._book.cash(line["netAmount"], currency),
            tax=sign * self._book.cash(line["netTaxAmount"], currency),
            tax_codes=() if code in ("", self._book.setup.no_tax) else (code,),
            account=account if item else line["lineObjectNumber"],
        )

    def _taxes(self, lines: Sequence[DocumentLine]) -> tuple[DocumentTax, ...]:
        """What the lines add up to for each code; its account is that of the set-up."""
        sums: dict[str, tuple[Decimal, Decimal]] = {}
        for line in lines:
            for code in line.tax_codes:
                base, amount = sums.get(code, (_ZERO, _ZERO))
                sums[code] = base + line.net, amount + line.tax
        known = self._book.setup.taxes
        return tuple(
            DocumentTax(code, base, amount, known[code].account if code in known else "")
            for code, (base, amount) in sums.items()
        )


def _goods_account(
    lines: Sequence[Mapping[str, Any]], booked: Mapping[str, Decimal], sign: int
) -> str:
    """The account on which the ledger has what the lines on accounts leave unexplained.

    Empty when goods were booked on several: then a line does not say which is its own.
    """
    left = dict(booked)
    for line in lines:
        number = line["lineObjectNumber"]
        if line["lineType"] == "Account" and number in left:
            left[number] -= sign * money(line["netAmount"])
    found = [account for account, amount in left.items() if amount]
    return found[0] if len(found) == 1 else ""
