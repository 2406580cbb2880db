"""BusinessCentralErp: the ERP port on the standard API v2.0 of Business Central online."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NoReturn

import httpx

from sync.domain.delivery import Failure, Rejected
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
from sync.erp.business_central.changes import Changes
from sync.erp.business_central.client import AT_ONCE, BusinessCentralClient
from sync.erp.business_central.credit_notes import CreditNotes
from sync.erp.business_central.documents import Documents
from sync.erp.business_central.items import Items
from sync.erp.business_central.journals import Journals
from sync.erp.business_central.ledger import Ledger
from sync.erp.business_central.orders import Orders
from sync.erp.business_central.references import Setup
from sync.erp.business_central.sales import PRICE_DIGITS
from sync.erp.business_central.setup import Book, check
from sync.erp.business_central.shipments import Shipments
from sync.erp.port import Capabilities, ConnectionReport, Page

CAPABILITIES = Capabilities(
    name="Business Central",
    native_idempotency=frozenset(),
    max_batch=20,
    batch_atomic=False,
    max_concurrency=AT_ONCE,
    rate=(6000, 300),
    stock_by_location=False,
    available_to_sell=True,  # on hand less what open orders wait for
    reserves_on_confirm=False,
    modified_since=frozenset({"items", "stock", "orders", "shipments", "documents", "ledger"}),
    reports_deletes=False,
    push=False,
    erp_computes_tax=True,
    async_writes=False,
    order_cancel=True,
    tracking_numbers=False,
    rounding="half_up",
    price_digits=PRICE_DIGITS,
    accepted_cancel=True,
    order_amend=True,
    amend_lowers_totals=True,
    returns=False,
    credit_notes=True,
    line_keys=True,
    parcels=False,
    carriers=False,
    agent_sales_direct=False,
    balances_by_party=True,
    reconciles=False,
    drafts=False,
    options=False,
    open_shipments=False,
    partial_amend=False,
)


class BusinessCentralErp:
    """See `sync.erp.port.ErpPort`; safe to share between threads.

    `password` is the secret of the application `client_id`; `company` a name or an id; `setup`
    what `references.Setup` lists, as JSON or made. `timeout` is seconds for one read: a write is
    waited for longer than Business Central works on one. `transport` replaces the network in tests.
    """

    def __init__(
        self,
        *,
        tenant: str,
        environment: str,
        company: str,
        client_id: str,
        password: str,
        setup: Setup | Mapping[str, Any],
        url: str = "https://api.businesscentral.dynamics.com",
        login_url: str = "https://login.microsoftonline.com",
        timeout: float = 60,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._client = BusinessCentralClient(
            url=url,
            login_url=login_url,
            tenant=tenant,
            environment=environment,
            company=company,
            client_id=client_id,
            secret=password,
            timeout=timeout,
            transport=transport,
        )
        made = setup if isinstance(setup, Setup) else Setup.of(setup)
        self._book = Book(self._client, made)
        self._orders = Orders(self._client, self._book)
        self._changes = Changes(self._client, self._orders)
        self._items = Items(self._client, self._book)
        self._shipments = Shipments(self._client)
        self._documents = Documents(self._client, self._book)
        self._ledger = Ledger(self._client, self._book)
        self._journals = Journals(self._client, self._book, self._ledger)
        self._credit_notes = CreditNotes(
            self._client, self._book, self._orders, self._documents, self._ledger
        )

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def check(self) -> ConnectionReport:
        return check(self._client, self._book, self._ledger.periods)

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
        return {}

    def submit_return(self, draft: ReturnDraft) -> Written:
        _not_offered("announced returns")

    def returns(self, since: datetime, cursor: str | None) -> Page[ReturnState]:
        return Page((), None)

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
        _not_offered("the settlement of ledger entries")

    def periods(self) -> tuple[Period, ...]:
        return self._ledger.periods()

    def parties(self, cursor: str | None) -> Page[Party]:
        return self._book.parties(cursor)

    def reference_data(self) -> ReferenceData:
        return self._book.reference_data(self._ledger.periods())


def _not_offered(what: str) -> NoReturn:
    raise Rejected(f"The standard API of Business Central does not offer {what}.")
