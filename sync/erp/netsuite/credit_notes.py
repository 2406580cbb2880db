"""Money back in NetSuite: a credit memo of its own, with items that move no stock.

It is not made of the invoice: that would take the goods in with the money. It is not applied to it
either, which may be paid by then; the field REVERSES names it.
"""

from collections.abc import Mapping

from mkterp.core.money import round_to_unit
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
from sync.erp.given_back import Original, original_of, originals
from sync.erp.netsuite import sales
from sync.erp.netsuite.book import Book
from sync.erp.netsuite.client import NAME, NetSuiteClient
from sync.erp.netsuite.documents import Documents
from sync.erp.netsuite.ledger import Ledger
from sync.erp.netsuite.orders import Orders
from sync.erp.netsuite.references import REVERSES
from sync.erp.netsuite.transactions import KINDS, MEMO


class CreditNotes:
    def __init__(
        self,
        client: NetSuiteClient,
        book: Book,
        orders: Orders,
        documents: Documents,
        ledger: Ledger,
    ) -> None:
        self._client, self._book, self._orders = client, book, orders
        self._documents, self._ledger = documents, ledger

    def post(self, draft: CreditNoteDraft) -> Written:
        """See ErpPort.post_credit_note: made and posted in one request."""
        if found := self._found(draft.key):
            return Written(found.ref, found.number, WriteStatus.EXISTED, document=found)
        body = self._body(draft)
        try:
            self._client.create(KINDS[MEMO], body)
        except Rejected:
            # Somebody else may have made it since we looked.
            if found := self._found(draft.key):
                return Written(found.ref, found.number, WriteStatus.EXISTED, document=found)
            raise
        posted = self._found(draft.key)
        if posted is None:
            raise Transient("NetSuite took the credit memo and does not show it.")
        return Written(posted.ref, posted.number, WriteStatus.CREATED, document=posted)

    # -- inside ---------------------------------------------------------------------------------

    def _found(self, key: str) -> PostedDocument | None:
        found = self._documents.credit_notes([key]).get(key)
        if found is not None and found.state is DocumentState.CANCELLED:
            raise Rejected(f"Credit memo {found.number} is voided in NetSuite.")
        return found

    def _body(self, draft: CreditNoteDraft) -> dict[str, object]:
        """The credit memo to be made. Raises Rejected, PeriodClosed."""
        setup = self._book.setup
        invoiced = originals(draft, documents=self._documents, orders=self._orders, erp=NAME)
        invoice = next(iter(invoiced.values())).invoice
        lines = [(line, self._item(line, draft, invoiced)) for line in draft.lines]
        for line in draft.lines:
            computed = round_to_unit(line.quantity * line.unit_price, draft.currency)
            if computed != line.net:
                raise Rejected(
                    f"NetSuite computes {computed} for line {line.key} of {draft.reference}, not "
                    f"{line.net}.",
                    "net",
                )
        records = self._book.records({item for _, item in lines})
        period = self._ledger.period_of(draft.dated)
        facts = {**({"Reason": draft.reason} if draft.reason else {}), **draft.attributes}
        return {
            **sales.head(draft.key, draft.order_key, draft.reference, facts, setup),
            REVERSES: invoice.ref,
            "entity": sales.named(self._customer(invoice.party)),
            "currency": sales.named(records.currency),
            "tranDate": draft.dated,
            "postingPeriod": sales.named(period),
            "autoApply": False,
            **sales.with_taxes(lines, records),
        }

    def _customer(self, code: str) -> str:
        found = self._book.entities("e.entityid", [code])
        if code not in found:
            raise Rejected(f"NetSuite has no customer {code} any more.", "party")
        return found[code]

    def _item(
        self, line: OrderLine, draft: CreditNoteDraft, invoiced: Mapping[str, Original]
    ) -> str:
        """The item without stock that gives the line back on its account. Raises Rejected."""
        setup = self._book.setup
        original = original_of(line, draft, invoiced)
        if original is None or line.kind is LineKind.ROUNDING:
            return setup.rounding
        item = setup.refunds.get(original.line.account)
        if item is None:
            raise Rejected(
                f"Line {line.key} was booked on {original.line.account or 'no account'}: name an "
                "item without stock for it in ERP_OPTIONS setup, under refunds.",
                "line",
            )
        return item
