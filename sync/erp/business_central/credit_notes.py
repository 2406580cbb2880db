"""Money back in Business Central: a credit memo on the accounts of the invoice, no goods moved.

Its lines are on accounts, never on items: an item line would take the goods back into stock. It is
not applied to its invoice, which may be closed by then; a comment line names the invoice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from sync.domain.delivery import Rejected, Transient
from sync.domain.documents import (
    CreditNoteDraft,
    DocumentKind,
    DocumentLine,
    DocumentState,
    LineKind,
    OrderLine,
    PostedDocument,
    WriteStatus,
    Written,
)
from sync.erp.business_central import sales
from sync.erp.business_central.client import BusinessCentralClient, Row
from sync.erp.business_central.documents import MEMOS, Documents
from sync.erp.business_central.ledger import Ledger
from sync.erp.business_central.orders import Orders
from sync.erp.business_central.references import memo_key, money
from sync.erp.business_central.setup import Book

_IN_THE_LEDGER = {DocumentState.POSTED, DocumentState.PAID}
_ZERO = Decimal(0)


@dataclass(frozen=True)
class Original:
    """An invoiced line, and what of its net has not been given back yet."""

    line: DocumentLine
    invoice: PostedDocument
    left: Decimal


class CreditNotes:
    def __init__(
        self,
        client: BusinessCentralClient,
        book: Book,
        orders: Orders,
        documents: Documents,
        ledger: Ledger,
    ) -> None:
        self._client, self._book, self._orders = client, book, orders
        self._documents, self._ledger = documents, ledger

    def post(self, draft: CreditNoteDraft) -> Written:
        """See ErpPort.post_credit_note: made whole, compared, posted."""
        found = self._documents.credit_notes([draft.key]).get(draft.key)
        if found and found.state in _IN_THE_LEDGER:
            return Written(found.ref, found.number, WriteStatus.EXISTED, document=found)
        self._ledger.must_be_open(draft.dated)
        body = self._body(draft)
        for row in self._documents.memo_rows([draft.key]):
            if row["status"] == "Draft":  # of an attempt that was cut off
                self._client.delete(f"{MEMOS}({row['id']})", row)
        # That attempt may have been posted meanwhile: looked at again, as the draft is gone.
        found = self._documents.credit_notes([draft.key]).get(draft.key)
        if found and found.state in _IN_THE_LEDGER:
            return Written(found.ref, found.number, WriteStatus.EXISTED, document=found)
        made = self._client.create(MEMOS, body)
        path = f"{MEMOS}({made['id']})"
        try:
            _compare(draft, made)
            self._client.act(path, "post")
        except Rejected:
            row = self._client.one(path)
            if row["status"] == "Draft":  # never what is posted
                self._client.delete(path, row)
            raise
        posted = self._documents.credit_notes([draft.key]).get(draft.key)
        if posted is None or posted.state not in _IN_THE_LEDGER:
            raise Transient("Business Central took the credit memo and does not show it posted.")
        return Written(posted.ref, posted.number, WriteStatus.CREATED, document=posted)

    # -- inside ---------------------------------------------------------------------------------

    def _body(self, draft: CreditNoteDraft) -> dict[str, object]:
        """The credit memo to be made. Raises Rejected."""
        originals = self._originals(draft)
        invoice = next(iter(originals.values())).invoice
        if invoice.currency != draft.currency:
            raise Rejected(f"The invoice of {draft.reference} is in another currency.", "currency")
        lines = [self._line(line, draft, originals) for line in draft.lines]
        external = memo_key(draft.order_key, draft.key)
        facts = {**({"Reason": draft.reason} if draft.reason else {}), **draft.attributes}
        return {
            "externalDocumentNumber": external,
            "creditMemoDate": draft.dated,
            "postingDate": draft.dated,
            "customerNumber": invoice.party,
            "pricesIncludeTax": False,
            "salesCreditMemoLines": [
                *sales.head(draft.key, external, draft.reference, facts),
                sales.remember(draft.order_key, sales.ORDER),
                sales.remember(invoice.ref, sales.INVOICE),
                *lines,
            ],
        }

    def _originals(self, draft: CreditNoteDraft) -> dict[str, Original]:
        """The invoiced lines of the order by our line key. Raises Rejected without any."""
        documents = self._documents.of_orders([draft.order_key]).get(draft.order_key, ())
        standing = [one for one in documents if one.state in _IN_THE_LEDGER]
        if not documents and not self._orders.find([draft.order_key]):
            raise Rejected(f"Business Central has no order {draft.order_key}.", "order")
        left: dict[str, Decimal] = {}
        largest: dict[str, tuple[DocumentLine, PostedDocument]] = {}
        for document in standing:
            for line in document.lines:
                left[line.line_key] = left.get(line.line_key, _ZERO) + line.net
                if document.kind is DocumentKind.INVOICE:
                    known = largest.get(line.line_key)
                    if known is None or known[0].net < line.net:
                        largest[line.line_key] = line, document
        if not largest:
            raise Rejected(f"Nothing of {draft.reference}'s order is invoiced yet.", "order")
        return {key: Original(*found, left[key]) for key, found in largest.items()}

    def _line(
        self, line: OrderLine, draft: CreditNoteDraft, originals: Mapping[str, Original]
    ) -> dict[str, object]:
        setup = self._book.setup
        original = originals.get(line.key)
        if original is None:
            if line.kind is LineKind.ROUNDING:
                return sales.account_line(line, setup.rounding, setup)
            raise Rejected(
                f"Line {line.key} of {draft.reference} is not invoiced: amend the order instead.",
                "line",
            )
        codes = original.line.tax_codes
        if codes != ((line.tax_code,) if line.tax_code else ()):
            named = ", ".join(codes) or "no tax"
            raise Rejected(
                f"Line {line.key} of {draft.reference} was sold with {named}.", "tax_code"
            )
        if abs(line.net) > abs(original.left):
            raise Rejected(
                f"{draft.reference} gives back {line.net} of line {line.key}; {original.left} is "
                "left of it.",
                "net",
            )
        if not original.line.account:
            raise Rejected(
                f"Invoice {original.invoice.number} books its goods on several accounts: its "
                "people give this money back in Business Central.",
                "line",
            )
        return sales.account_line(line, original.line.account, setup)


def _compare(draft: CreditNoteDraft, made: Row) -> None:
    """Nothing is posted that is not the money that went back."""
    names = ("totalAmountExcludingTax", "totalTaxAmount", "totalAmountIncludingTax")
    net, tax, gross = (money(made[name]) for name in names)
    if (net, tax, gross) != (draft.net, draft.tax, draft.gross):
        raise Rejected(
            f"Business Central computes {net} + {tax} for {draft.reference}, not {draft.net} + "
            f"{draft.tax}: it rounds the tax once for all lines of one code."
        )
