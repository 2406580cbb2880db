"""OdooErp: the ERP port on an Odoo 16 to 19."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

import httpx

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
from sync.erp.odoo import setup
from sync.erp.odoo.changes import Changes
from sync.erp.odoo.client import OdooClient
from sync.erp.odoo.credit_notes import CreditNotes
from sync.erp.odoo.documents import Documents
from sync.erp.odoo.items import Items
from sync.erp.odoo.journals import Journals
from sync.erp.odoo.ledger import Ledger
from sync.erp.odoo.orders import Orders
from sync.erp.odoo.references import Names, ReferenceBook
from sync.erp.odoo.sales import PRICE_DIGITS
from sync.erp.odoo.shipments import Shipments
from sync.erp.port import Capabilities, ConnectionReport, Page

CAPABILITIES = Capabilities(
    name="Odoo",
    native_idempotency=frozenset({"order", "journal", "return", "credit_note"}),
    max_batch=40,
    batch_atomic=True,
    max_concurrency=4,
    rate=None,
    stock_by_location=True,
    available_to_sell=True,
    reserves_on_confirm=True,
    modified_since=frozenset(
        {"items", "stock", "orders", "shipments", "returns", "documents", "ledger"}
    ),
    reports_deletes=False,
    push=False,
    erp_computes_tax=True,
    async_writes=False,
    order_cancel=True,
    # One field a delivery; its packages have no numbers of their own.
    tracking_numbers=True,
    parcels=False,
    carriers=True,
    rounding="half_up",
    price_digits=PRICE_DIGITS,
    accepted_cancel=True,
    order_amend=True,
    amend_lowers_totals=True,
    returns=True,
    credit_notes=True,
    line_keys=True,
    agent_sales_direct=False,
    balances_by_party=True,
    reconciles=True,
)


class OdooErp:
    """See `sync.erp.port.ErpPort`; safe to share between threads.

    `password` is an API key. `timeout` is seconds for one call and has to cover a whole batch
    being confirmed; `names` says what the reference records are called; `transport` replaces the
    network in tests.
    """

    def __init__(
        self,
        *,
        url: str,
        database: str,
        user: str,
        password: str,
        timeout: float = 60,
        names: Names | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._client = OdooClient(
            url, database, user, password, timeout=timeout, transport=transport
        )
        self._book = ReferenceBook(self._client, names or Names())
        self._orders = Orders(self._client, self._book)
        self._changes = Changes(self._client, self._book, self._orders)
        self._items = Items(self._client, self._book)
        self._shipments = Shipments(self._client, self._book, self._orders)
        self._documents = Documents(self._client, self._book, self._orders)
        self._ledger = Ledger(self._client, self._book, self._documents)
        self._journals = Journals(self._client, self._book, self._documents, self._ledger)
        self._credit_notes = CreditNotes(
            self._client, self._book, self._orders, self._documents, self._ledger
        )

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def check(self) -> ConnectionReport:
        return setup.check(self._client, self._book)

    def items(self, since: datetime | None, cursor: str | None, limit: int) -> Page[Item]:
        return self._items.page(since, cursor, limit)

    def stock(self, skus: Sequence[str] | None, cursor: str | None) -> Page[StockLevel]:
        return self._items.stock(skus, cursor)

    def stock_changed(self, since: datetime, cursor: str | None) -> Page[str]:
        return self._items.moved(since, cursor)

    def find_orders(self, keys: Sequence[str]) -> dict[str, OrderState]:
        return self._orders.find(keys)

    def submit_orders(self, orders: Sequence[OrderDraft]) -> list[Written | Failure]:
        return self._orders.submit(orders)

    def order_states(self, refs: Sequence[str]) -> list[OrderState]:
        return self._orders.states(refs)

    def cancel_order(self, ref: str, reason: str) -> OrderState:
        return self._changes.cancel(ref, reason)

    def amend_order(self, ref: str, quantities: Mapping[str, Decimal], reason: str) -> OrderState:
        return self._changes.amend(ref, quantities, reason)

    def shipments(self, since: datetime, cursor: str | None) -> Page[Shipment]:
        return self._shipments.page(since, cursor)

    def find_returns(self, keys: Sequence[str]) -> dict[str, ReturnState]:
        return self._shipments.find_returns(keys)

    def submit_return(self, draft: ReturnDraft) -> Written:
        return self._shipments.submit_return(draft)

    def returns(self, since: datetime, cursor: str | None) -> Page[ReturnState]:
        return self._shipments.returns(since, cursor)

    def find_documents(self, order_keys: Sequence[str]) -> dict[str, tuple[PostedDocument, ...]]:
        return self._documents.of_orders(order_keys)

    def documents(self, since: datetime, cursor: str | None) -> Page[PostedDocument]:
        return self._documents.page(since, cursor)

    def find_credit_notes(self, keys: Sequence[str]) -> dict[str, PostedDocument]:
        return self._documents.credit_notes(keys)

    def post_credit_note(self, draft: CreditNoteDraft) -> Written:
        return self._credit_notes.post(draft)

    def find_journal(self, key: str) -> Written | None:
        return self._journals.find(key)

    def journals(self, keys: Sequence[str]) -> dict[str, PostedJournal]:
        return self._journals.read(keys)

    def post_journal(self, entry: JournalEntry) -> Written:
        return self._journals.post(entry)

    def reverse_journal(self, key: str, *, as_key: str, posting_date: date, memo: str) -> Written:
        return self._journals.reverse(key, as_key=as_key, posting_date=posting_date, memo=memo)

    def ledger_lines(self, query: LedgerQuery, cursor: str | None) -> Page[LedgerLine]:
        return self._ledger.lines(query, cursor)

    def balances(
        self, on: date, accounts: Sequence[str], *, by_party: bool = False
    ) -> tuple[Balance, ...]:
        return self._ledger.balances(on, accounts, by_party=by_party)

    def reconcile(self, line_refs: Sequence[str]) -> str:
        return self._ledger.reconcile(line_refs)

    def periods(self) -> tuple[Period, ...]:
        return self._ledger.periods()

    def parties(self, cursor: str | None) -> Page[Party]:
        return setup.parties(self._client, cursor)

    def reference_data(self) -> ReferenceData:
        return setup.reference_data(self._client, self._book, self._ledger)
