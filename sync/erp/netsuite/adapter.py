"""NetSuiteErp: the ERP port on the REST record API and SuiteQL of NetSuite."""

from collections.abc import Mapping
from typing import Any

import httpx

from sync.domain.documents import Party, Period, ReferenceData
from sync.domain.tax import Arithmetic, Level
from sync.erp.netsuite.book import Book
from sync.erp.netsuite.changes import Changes
from sync.erp.netsuite.check import check
from sync.erp.netsuite.client import NetSuiteClient
from sync.erp.netsuite.credit_notes import CreditNotes
from sync.erp.netsuite.documents import Documents
from sync.erp.netsuite.items import Items
from sync.erp.netsuite.journals import Journals
from sync.erp.netsuite.ledger import Ledger
from sync.erp.netsuite.orders import Orders
from sync.erp.netsuite.references import Setup
from sync.erp.netsuite.sales import PRICE_DIGITS
from sync.erp.netsuite.shipments import Shipments
from sync.erp.netsuite.transactions import Transactions
from sync.erp.parts import ErpOfParts, NoReturns
from sync.erp.port import Capabilities, ConnectionReport, Page

CAPABILITIES = Capabilities(
    name="NetSuite",
    native_idempotency=frozenset({"order", "journal", "credit_note"}),
    max_batch=20,
    batch_atomic=False,
    max_concurrency=1,  # one worker's calls are as many at once as an account takes (client)
    rate=None,
    stock_by_location=True,
    available_to_sell=True,
    reserves_on_confirm=True,
    modified_since=frozenset({"items", "stock", "orders", "shipments", "documents", "ledger"}),
    reports_deletes=False,
    push=False,
    erp_computes_tax=False,
    async_writes=False,
    order_cancel=True,
    tracking_numbers=True,
    arithmetic=Arithmetic(Level.LINE, "half_up"),
    price_digits=PRICE_DIGITS,
    accepted_cancel=True,
    order_amend=True,
    amend_lowers_totals=True,
    returns=False,
    credit_notes=True,
    line_keys=True,
    parcels=False,
    carriers=True,
    agent_sales_direct=False,
    balances_by_party=True,
    reconciles=False,
    drafts=False,
    options=False,
    open_shipments=False,
    journals=False,
)


class NetSuiteErp(ErpOfParts):
    """See `sync.erp.port.ErpPort`; safe to share between threads.

    `account` as in the account's own addresses (`1234567`, `1234567_SB1`); `certificate_id` is what
    NetSuite calls the certificate whose private key is `password`, in PEM; `setup` what
    `references.Setup` lists, as JSON or made. `timeout` is seconds for one call. `url` and
    `transport` replace the network in tests.
    """

    able = CAPABILITIES
    _client: NetSuiteClient
    _ledger: Ledger

    def __init__(
        self,
        *,
        account: str,
        client_id: str,
        certificate_id: str,
        password: str,
        setup: Setup | Mapping[str, Any],
        url: str = "",
        timeout: float = 60,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        host = account.lower().replace("_", "-")
        self._client = NetSuiteClient(
            url=url or f"https://{host}.suitetalk.api.netsuite.com",
            client_id=client_id,
            certificate_id=certificate_id,
            key=password,
            timeout=timeout,
            transport=transport,
        )
        made = setup if isinstance(setup, Setup) else Setup.of(setup)
        self._book = Book(self._client, made)
        transactions = Transactions(self._client, made)
        self._orders = Orders(self._client, self._book, transactions)
        self._changes = Changes(self._client, self._book, self._orders, transactions)
        self._items = Items(self._client, self._book)
        self._shipments = Shipments(self._book, transactions)
        self._returns = NoReturns(CAPABILITIES.name)
        self._documents = Documents(self._client, self._book, transactions)
        self._ledger = Ledger(self._client, self._book)
        self._journals = Journals(self._client, self._book, self._ledger)
        self._credit_notes = CreditNotes(
            self._client, self._book, self._orders, self._documents, self._ledger
        )

    def check(self) -> ConnectionReport:
        return check(self._client, self._book, self._ledger.periods)

    def periods(self) -> tuple[Period, ...]:
        return self._ledger.periods()

    def parties(self, cursor: str | None) -> Page[Party]:
        return self._book.parties(cursor)

    def reference_data(self) -> ReferenceData:
        return self._book.reference_data(self._ledger.periods())
