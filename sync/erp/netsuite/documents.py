"""Invoices and credit memos in NetSuite, read to the line and the tax.

Which account a line was booked on is read in the ledger, where it has the line's number.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from sync.domain.documents import (
    DocumentKind,
    DocumentLine,
    DocumentState,
    DocumentTax,
    PostedDocument,
)
from sync.erp.netsuite import suiteql
from sync.erp.netsuite.book import Book
from sync.erp.netsuite.client import NetSuiteClient, Row
from sync.erp.netsuite.references import KEY, LINE, ORDER, REVERSES, SKU, external_id, money
from sync.erp.netsuite.transactions import (
    INVOICE,
    MEMO,
    Head,
    Transactions,
    called,
    ident,
    lines_of,
    totals,
)
from sync.erp.port import Page
from sync.erp.wire import exact

_A_PAGE = 50
_KINDS = suiteql.one_of("t.type", (INVOICE, MEMO))
_STATES = {"B": DocumentState.PAID, "V": DocumentState.CANCELLED}
_ZERO = Decimal(0)


class Documents:
    """A ref is an internal id, which is its ledger entry's as well."""

    def __init__(self, client: NetSuiteClient, book: Book, transactions: Transactions) -> None:
        self._client, self._book, self._transactions = client, book, transactions

    def page(self, since: datetime, cursor: str | None) -> Page[PostedDocument]:
        """See ErpPort.documents; the cursor is the last id seen."""
        where = suiteql.both(_KINDS, self._transactions.changed(since))
        heads, after = self._transactions.page(where, cursor, _A_PAGE)
        return Page(tuple(self._read(heads)), after)

    def of_orders(self, order_keys: Sequence[str]) -> dict[str, tuple[PostedDocument, ...]]:
        """See ErpPort.find_documents: whatever NetSuite or its people copied our key to."""
        heads = self._transactions.of([INVOICE, MEMO], f"t.{ORDER}", order_keys)
        found: dict[str, tuple[PostedDocument, ...]] = {}
        documents = self._read(heads)
        for document in sorted(documents, key=lambda one: (one.kind != "invoice", int(one.ref))):
            found[document.order_key] = (*found.get(document.order_key, ()), document)
        return {key: found[key] for key in order_keys if key in found}

    def credit_notes(self, keys: Sequence[str]) -> dict[str, PostedDocument]:
        """See ErpPort.find_credit_notes."""
        wanted = {external_id(key) for key in keys}
        heads = self._transactions.of([MEMO], "t.externalid", wanted)
        found = {document.key: document for document in self._read(heads)}
        return {key: found[key] for key in keys if key in found}

    # -- inside ---------------------------------------------------------------------------------

    def _read(self, heads: Sequence[Head]) -> list[PostedDocument]:
        records = self._transactions.read(heads)
        lines = [line for _, row in records for line in lines_of(row)]
        skus = self._book.skus(ident(line, "item") for line in lines)
        parties = {
            one: name
            for name, one in self._book.entities(
                "e.id", {ident(row, "entity") for _, row in records}
            ).items()
        }
        booked = self._booked([head.id for head in heads])
        return [
            self._document(head, row, skus, parties, booked.get(head.id, {}))
            for head, row in records
        ]

    def _booked(self, ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """Transaction: line: the number of the account it was booked on."""
        if not ids:
            return {}

        def query(after: str) -> str:
            return (
                "SELECT l.uniquekey AS id, l.transaction AS tran, l.id AS line, "
                "a.acctnumber AS account FROM transactionaccountingline b JOIN transactionline l "
                "ON l.transaction = b.transaction AND l.id = b.transactionline "
                "JOIN account a ON a.id = b.account WHERE b.accountingbook = 1 AND "
                f"{suiteql.one_of('l.transaction', [int(one) for one in ids])} "
                f"AND l.uniquekey > {int(after)} ORDER BY l.uniquekey"
            )

        found: dict[str, dict[str, str]] = {}
        for row in self._client.rows(query):
            found.setdefault(row["tran"], {})[row["line"]] = row["account"]
        return found

    def _document(
        self,
        head: Head,
        row: Row,
        skus: Mapping[str, str],
        parties: Mapping[str, str],
        booked: Mapping[str, str],
    ) -> PostedDocument:
        memo = head.type == MEMO
        sign = -1 if memo else 1
        state = _STATES.get(head.status, DocumentState.POSTED)
        if head.voided:
            state = DocumentState.CANCELLED
        currency = self._book.symbol(ident(row, "currency"))
        lines = self._lines(row, sign, currency, skus, booked)
        net, tax, gross = (sign * self._book.cash(one, currency) for one in totals(row))
        return PostedDocument(
            ref=head.id,
            kind=DocumentKind.CREDIT_NOTE if memo else DocumentKind.INVOICE,
            state=state,
            erp_state=called(row, "status") or head.status,
            number=head.number,
            key=row.get(KEY) or "",
            order_key=row.get(ORDER) or "",
            order_ref="" if memo else head.origin,
            reference=row.get("otherRefNum") or "",
            party=parties.get(ident(row, "entity"), ""),
            dated=suiteql.read_day(head.dated),
            currency=currency,
            net=net,
            tax=tax,
            gross=gross,
            lines=lines,
            taxes=self._taxes(row, sign, currency),
            move_ref=head.id,
            reverses=(row[REVERSES],) if memo and row.get(REVERSES) else (),
            modified_at=head.modified_at,
        )

    def _lines(
        self,
        row: Row,
        sign: int,
        currency: str,
        skus: Mapping[str, str],
        booked: Mapping[str, str],
    ) -> tuple[DocumentLine, ...]:
        cash = self._book.cash
        taxes: dict[str, list[Row]] = {}
        for one in lines_of(row, "taxDetails"):
            taxes.setdefault(one["taxDetailsReference"], []).append(one)
        found: list[DocumentLine] = []
        for line in lines_of(row):
            mine = taxes.get(line["taxDetailsReference"], [])
            tax = sum((money(one["taxAmount"]) for one in mine), _ZERO)
            found.append(
                DocumentLine(
                    ref=f"{row['id']}.{line['line']}",
                    line_key=line.get(LINE) or "",
                    sku=line.get(SKU) or self._sku(line, skus),
                    description=line.get("description") or "",
                    quantity=sign * exact(line["quantity"]),
                    unit_price=money(line["rate"]),
                    net=sign * cash(line["amount"], currency),
                    tax=sign * cash(tax, currency),
                    tax_codes=tuple(self._tax_name(one) for one in mine),
                    account=booked.get(str(line["line"]), ""),
                )
            )
        return tuple(found)

    @staticmethod
    def _sku(line: Row, skus: Mapping[str, str]) -> str:
        """The item of a line that its people made; of ours, shipping and rounding have none."""
        return "" if line.get(LINE) else skus.get(ident(line, "item"), "")

    def _tax_name(self, one: Row) -> str:
        """The set-up's name for the tax code; NetSuite's own where it has none."""
        code = ident(one, "taxCode")
        known = {tax.code: name for name, tax in self._book.setup.taxes.items()}
        return known.get(code) or called(one, "taxCode")

    def _taxes(self, row: Row, sign: int, currency: str) -> tuple[DocumentTax, ...]:
        """What the tax details add up to for each code; its account is that of the set-up."""
        sums: dict[str, tuple[Decimal, Decimal]] = {}
        for one in lines_of(row, "taxDetails"):
            name = self._tax_name(one)
            base, amount = sums.get(name, (_ZERO, _ZERO))
            sums[name] = base + money(one["taxBasis"]), amount + money(one["taxAmount"])
        known, cash = self._book.setup.taxes, self._book.cash
        return tuple(
            DocumentTax(
                name,
                sign * cash(base, currency),
                sign * cash(amount, currency),
                known[name].account if name in known else "",
            )
            for name, (base, amount) in sums.items()
        )
