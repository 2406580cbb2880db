"""BusinessCentralErp: the ERP port on the standard API v2.0 of Business Central online."""

from collections.abc import Mapping
from typing import Any

import httpx

from sync.domain.documents import Party, Period, ReferenceData
from sync.domain.tax import Arithmetic, Level
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
from sync.erp.parts import ErpOfParts, NoReturns
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
    arithmetic=Arithmetic(Level.DOCUMENT, "half_up", of_nets=True),
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


class BusinessCentralErp(ErpOfParts):
    """See `sync.erp.port.ErpPort`; safe to share between threads.

    `password` is the secret of the application `client_id`; `company` a name or an id; `setup`
    what `references.Setup` lists, as JSON or made. `timeout` is seconds for one read: a write is
    waited for longer than Business Central works on one. `transport` replaces the network in tests.
    """

    able = CAPABILITIES
    _client: BusinessCentralClient
    _ledger: Ledger

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
        self._returns = NoReturns(CAPABILITIES.name)
        self._documents = Documents(self._client, self._book)
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
