"""What mkterp needs of an ERP, and what an ERP must say about itself.

Adapters live beside this file, one a module, chosen by dotted path in settings. They raise only
the failures of `sync.domain.delivery`, never a library's own, and know nothing of Django. One
contract suite (tests/contract/erp) holds the fake and the real adapters to these docstrings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Generic, Protocol, TypeVar

from sync.domain.checks import Check as Check
from sync.domain.checks import ConnectionReport as ConnectionReport
from sync.domain.delivery import Failure
from sync.domain.documents import (
    Balance,
    CreditNoteDraft,
    Item,
    JournalEntry,
    LedgerLine,
    LedgerQuery,
    OrderDraft,
    OrderState,
    Party,
    Period,
    PostedDocument,
    PostedJournal,
    ReferenceData,
    ReturnDraft,
    ReturnState,
    Shipment,
    StockLevel,
    Written,
)
from sync.domain.tax import Arithmetic

Row = TypeVar("Row")


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows and the cursor of the next page; no cursor, no more rows."""

    rows: tuple[Row, ...]
    cursor: str | None


@dataclass(frozen=True)
class Capabilities:
    """What differs between ERPs and so must be declared, not assumed."""

    name: str  # for screens: "Tryton"
    # Of {"order", "journal", "return", "credit_note"}: the ERP itself keeps our key unique. For the
    # others we look before we write, and the caller keeps to one writer a key.
    native_idempotency: frozenset[str]
    max_batch: int  # orders in one submit
    batch_atomic: bool  # one refused order fails its call (the adapter splits it)
    max_concurrency: int  # workers that may send at once, however many calls one makes
    rate: tuple[int, int] | None  # requests, seconds
    stock_by_location: bool
    available_to_sell: bool
    reserves_on_confirm: bool
    # Of {"items", "stock", "orders", "shipments", "returns", "documents", "ledger"}.
    modified_since: frozenset[str]
    reports_deletes: bool
    push: bool
    erp_computes_tax: bool
    async_writes: bool
    order_cancel: bool
    tracking_numbers: bool  # a field of its own; without it, people's free text is all there is
    # How the ERP rounds nets and taxes. Ties decide at rates such as 5 %, where a tax can end in
    # exactly half a penny; the level decides on every second order of several lines.
    arithmetic: Arithmetic
    price_digits: int = 4  # decimals of a unit price it keeps
    accepted_cancel: bool = False  # cancel_order also takes back what is ACCEPTED, not picked yet
    order_amend: bool = False
    amend_lowers_totals: bool = False  # an OrderState's amounts follow what was withdrawn
    partial_amend: bool = True  # amend_order also lowers the rest of an order shipped in part
    # Orders pass through phases before ACCEPTED and can be stranded there; without it they arrive
    # whole or not at all.
    drafts: bool = True
    options: bool = True  # items tell size, colour, ...
    open_shipments: bool = True  # shipments are told before they leave
    journals: bool = True  # an entry goes into one of several journals, by its code
    returns: bool = False
    credit_notes: bool = False
    line_keys: bool = False  # shipments, returns and documents name our order lines
    parcels: bool = False
    carriers: bool = False
    # The ERP can book an agent's sale straight to the seller's payable. Without it the sale lands
    # on pass-through accounts and `sync.erp.agency.pass_through` makes the entry that moves it on.
    agent_sales_direct: bool = False
    balances_by_party: bool = False
    reconciles: bool = False


class ErpPort(Protocol):
    """Everything mkterp asks of an ERP.

    Every method may raise Unavailable (Transient, Throttled) and Misconfigured; a write may raise
    UnknownOutcome, after which the same call again finds what the first one made. What else a
    method raises is said there. Pages come in the order of the ERP's own ids, each row once; the
    rows that change while somebody pages are read by the next `since`, which callers overlap by a
    few minutes.
    """

    def capabilities(self) -> Capabilities: ...

    def check(self) -> ConnectionReport:
        """Sign-in, version, company, rights and reference records, each as one named check."""
        ...

    # -- items and stock ------------------------------------------------------------------------

    def items(self, since: datetime | None, cursor: str | None, limit: int) -> Page[Item]:
        """Items changed at or after `since` (all when None), inactive ones included."""
        ...

    def stock(self, skus: Sequence[str] | None, cursor: str | None) -> Page[StockLevel]:
        """Levels of these items (of all active ones when None), one a location.

        Any number of items in flat memory: pages of a few hundred by keyset. A page's levels were
        read after their `as_of`; an order the ERP accepted before `as_of` is taken off `available`.
        Unknown and inactive SKUs are absent.
        """
        ...

    def stock_changed(self, since: datetime, cursor: str | None) -> Page[str]:
        """SKUs whose stock, reservations or promises moved at or after `since`; may repeat."""
        ...

    # -- orders ---------------------------------------------------------------------------------

    def find_orders(self, keys: Sequence[str]) -> dict[str, OrderState]:
        """The orders the ERP holds under these keys, in whatever phase; absent keys are absent."""
        ...

    def submit_orders(self, orders: Sequence[OrderDraft]) -> list[Written | Failure]:
        """Bring each order to ACCEPTED, from whatever phase the ERP has it in; one answer each.

        Never all or nothing outwards: a refused order is a `Rejected` in its own place and the
        others go through. A second run finds what the first made (EXISTED). Raises Unavailable or
        Misconfigured when no order could be tried at all.
        """
        ...

    def order_states(self, refs: Sequence[str]) -> list[OrderState]:
        """These orders as they are now, BOOKED once their invoice is posted in the ledger."""
        ...

    def cancel_order(self, ref: str, reason: str) -> OrderState:
        """Take the whole order back; CANCELLED afterwards, whatever phase it was in before.

        A second run changes nothing. Raises Rejected, and changes nothing, once the warehouse has
        picked it or an invoice is posted: then goods come back by a return and money by a credit
        note. Without `accepted_cancel` everything from ACCEPTED on is refused.
        """
        ...

    def amend_order(self, ref: str, quantities: Mapping[str, Decimal], reason: str) -> OrderState:
        """Before shipment: these line keys are to have these quantities in all, and no more.

        Only downwards, never below what has left; a line that is not named stays as it is. The
        rest is neither shipped nor invoiced and shows as `withdrawn`. A second run changes nothing.
        Raises Rejected for an unknown line, for more than ordered, for what is picked or invoiced.
        """
        ...

    # -- fulfilment and returns -----------------------------------------------------------------

    def shipments(self, since: datetime, cursor: str | None) -> Page[Shipment]:
        """Shipments to customers that changed at or after `since`, in whatever phase.

        An order can have several, each with a part of its lines, each with parcels or without. A
        change to a parcel or its tracking number counts as a change of the shipment.
        """
        ...

    def find_returns(self, keys: Sequence[str]) -> dict[str, ReturnState]:
        """The returns under these keys; absent keys are absent."""
        ...

    def submit_return(self, draft: ReturnDraft) -> Written:
        """Announce goods to the warehouse, once under the key; receiving them is its business.

        Raises Rejected when the order or a line is unknown or more comes back than has left.
        """
        ...

    def returns(self, since: datetime, cursor: str | None) -> Page[ReturnState]:
        """Our returns that changed at or after `since`."""
        ...

    # -- invoices and credit notes --------------------------------------------------------------

    def find_documents(self, order_keys: Sequence[str]) -> dict[str, tuple[PostedDocument, ...]]:
        """Invoices and credit notes of these orders, drafts too; orders without are absent."""
        ...

    def documents(self, since: datetime, cursor: str | None) -> Page[PostedDocument]:
        """Invoices and credit notes to customers that changed at or after `since`.

        Ours and others', every state: a draft, a posting, an edit after posting and a cancellation
        each bring the document again. `lines` and `taxes` are what the ERP holds now.
        """
        ...

    def find_credit_notes(self, keys: Sequence[str]) -> dict[str, PostedDocument]:
        """The credit notes under these keys, in whatever state; absent keys are absent."""
        ...

    def post_credit_note(self, draft: CreditNoteDraft) -> Written:
        """Give money back in the ledger, once under the key; read back with its tax by line.

        Tax, item and account follow the original line, also when its tax code has been retired
        meanwhile. Moves no goods. Raises PeriodClosed, and Rejected when the order or a line is
        unknown, when a tax code is not the original's, or when more goes back than was invoiced.
        """
        ...

    # -- journals and ledger --------------------------------------------------------------------

    def find_journal(self, key: str) -> Written | None: ...

    def journals(self, keys: Sequence[str]) -> dict[str, PostedJournal]:
        """The posted entries under these keys, to the line; absent keys are absent."""
        ...

    def post_journal(self, entry: JournalEntry) -> Written:
        """Post a balanced entry once under its key; a second run finds the first.

        Raises PeriodClosed, and Rejected for an unknown account, journal or party, for a party
        that is missing where the account wants one or given where it must not be.
        """
        ...

    def reverse_journal(self, key: str, *, as_key: str, posting_date: date, memo: str) -> Written:
        """Post the opposite of the entry `key` under `as_key`; a second run finds the first.

        Raises Rejected when there is no such entry or another reversal of it, PeriodClosed.
        """
        ...

    def ledger_lines(self, query: LedgerQuery, cursor: str | None) -> Page[LedgerLine]:
        """Posted ledger lines that fit, whoever made them."""
        ...

    def balances(
        self, on: date, accounts: Sequence[str], *, by_party: bool = False
    ) -> tuple[Balance, ...]:
        """Posted debit less credit of these accounts up to and with the day, zeros included.

        Since ever for balance sheet accounts, since the fiscal year's start for income and expense.
        `by_party` gives one row for each party with lines. Raises Rejected for an unknown account.
        """
        ...

    def reconcile(self, line_refs: Sequence[str]) -> str:
        """Settle ledger lines of one account and party that add up to zero. Returns the mark.

        A second run finds them settled together. Raises Rejected when they do not add up, belong
        to different accounts, or one is settled with others.
        """
        ...

    # -- set-up ---------------------------------------------------------------------------------

    def periods(self) -> tuple[Period, ...]:
        """All accounting periods, oldest first. Closing them is the ERP's people's: read only.

        Whether a day can be posted to: `sync.domain.documents.postable`.
        """
        ...

    def parties(self, cursor: str | None) -> Page[Party]:
        """Customers and suppliers, inactive ones included; journal lines name their `code`."""
        ...

    def reference_data(self) -> ReferenceData:
        """Accounts, taxes, journals ... as they are at this moment, never from a cache."""
        ...
