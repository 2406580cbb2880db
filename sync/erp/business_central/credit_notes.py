"""Money back in Business Central: a credit memo on the accounts of the invoice, no goods moved.

Its lines are on accounts, never on items: an item line would take the goods back into stock. It is
not applied to its invoice, which may be closed by then; a comment line names the invoice.
"""

from collections.abc import Mapping

from sync.domain.delivery import Rejected, Transient
from sync.domain.documents import (
    CreditNoteDraft,
    OrderLine,
    WriteStatus,
    Written,
)
from sync.erp.business_central import sales
from sync.erp.business_central.client import NAME, BusinessCentralClient, Row
from sync.erp.business_central.documents import MEMOS, Documents
from sync.erp.business_central.ledger import Ledger
from sync.erp.business_central.orders import Orders
from sync.erp.business_central.references import memo_key, money
from sync.erp.business_central.setup import Book
from sync.erp.given_back import IN_THE_LEDGER, Original, original_of, originals


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
        if found and found.state in IN_THE_LEDGER:
            return Written(found.ref, found.number, WriteStatus.EXISTED, document=found)
        self._ledger.must_be_open(draft.dated)
        body = self._body(draft)
        for row in self._documents.memo_rows([draft.key]):
            if row["status"] == "Draft":  # of an attempt that was cut off
                self._client.delete(f"{MEMOS}({row['id']})", row)
        # That attempt may have been posted meanwhile: looked at again, as the draft is gone.
        found = self._documents.credit_notes([draft.key]).get(draft.key)
        if found and found.state in IN_THE_LEDGER:
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
        if posted is None or posted.state not in IN_THE_LEDGER:
            raise Transient("Business Central took the credit memo and does not show it posted.")
        return Written(posted.ref, posted.number, WriteStatus.CREATED, document=posted)

    # -- inside ---------------------------------------------------------------------------------

    def _body(self, draft: CreditNoteDraft) -> dict[str, object]:
        """The credit memo to be made. Raises Rejected."""
        invoiced = originals(draft, documents=self._documents, orders=self._orders, erp=NAME)
        invoice = next(iter(invoiced.values())).invoice
        lines = [self._line(line, draft, invoiced) for line in draft.lines]
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

    def _line(
        self, line: OrderLine, draft: CreditNoteDraft, invoiced: Mapping[str, Original]
    ) -> dict[str, object]:
        setup = self._book.setup
        original = original_of(line, draft, invoiced)
        if original is None:
            return sales.account_line(line, setup.rounding, setup)
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
