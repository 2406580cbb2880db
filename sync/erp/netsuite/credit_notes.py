"""Money back in NetSuite: a credit memo of its own, with items that move no stock.

It is not made of the invoice: that would take the goods in with the money. It is not applied to it
either, which may be paid by then; the field REVERSES names it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from mkterp.core.money import round_to_unit
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
from sync.erp.netsuite import sales
from sync.erp.netsuite.book import Book
from sync.erp.netsuite.client import NetSuiteClient
from sync.erp.netsuite.documents import Documents
from sync.erp.netsuite.ledger import Ledger
from sync.erp.netsuite.orders import Orders
from sync.erp.netsuite.references import REVERSES
from sync.erp.netsuite.transactions import KINDS, MEMO

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
        originals = self._originals(draft)
        invoice = next(iter(originals.values())).invoice
        if invoice.currency != draft.currency:
            raise Rejected(f"The invoice of {draft.reference} is in another currency.", "currency")
        lines = [(line, self._item(line, draft, originals)) for line in draft.lines]
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

    def _originals(self, draft: CreditNoteDraft) -> dict[str, Original]:
        """The invoiced lines of the order by our line key. Raises Rejected without any."""
        documents = self._documents.of_orders([draft.order_key]).get(draft.order_key, ())
        standing = [one for one in documents if one.state in _IN_THE_LEDGER]
        if not documents and not self._orders.find([draft.order_key]):
            raise Rejected(f"NetSuite has no order {draft.order_key}.", "order")
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

    def _item(
        self, line: OrderLine, draft: CreditNoteDraft, originals: Mapping[str, Original]
    ) -> str:
        """The item without stock that gives the line back on its account. Raises Rejected."""
        setup = self._book.setup
        original = originals.get(line.key)
        if original is None:
            if line.kind is LineKind.ROUNDING:
                return setup.rounding
            raise Rejected(
                f"Line {line.key} of {draft.reference} is not invoiced: amend the order instead.",
                "line",
            )
        codes = original.line.tax_codes
        if codes != ((line.tax_code,) if line.tax_code else ()):
            told = ", ".join(codes) or "no tax"
            raise Rejected(
                f"Line {line.key} of {draft.reference} was sold with {told}.", "tax_code"
            )
        if abs(line.net) > abs(original.left):
            raise Rejected(
                f"{draft.reference} gives back {line.net} of line {line.key}; {original.left} is "
                "left of it.",
                "net",
            )
        if line.kind is LineKind.ROUNDING:
            return setup.rounding
        item = setup.refunds.get(original.line.account)
        if item is None:
            raise Rejected(
                f"Line {line.key} was booked on {original.line.account or 'no account'}: name an "
                "item without stock for it in ERP_OPTIONS setup, under refunds.",
                "line",
            )
        return item
