"""OdooErp: the ERP port on an Odoo 16 to 19."""

import httpx

from sync.domain.documents import Party, Period, ReferenceData
from sync.domain.tax import Arithmetic, Level
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
from sync.erp.parts import ErpOfParts
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
    arithmetic=Arithmetic(Level.LINE, "half_up"),
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


class OdooErp(ErpOfParts):
    """See `sync.erp.port.ErpPort`; safe to share between threads.

    `password` is an API key. `timeout` is seconds for one call and has to cover a whole batch
    being confirmed; `names` says what the reference records are called; `transport` replaces the
    network in tests.
    """

    able = CAPABILITIES
    _client: OdooClient
    _ledger: Ledger

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
        self._returns = self._shipments
        self._documents = Documents(self._client, self._book, self._orders)
        self._ledger = Ledger(self._client, self._book, self._documents)
        self._journals = Journals(self._client, self._book, self._documents, self._ledger)
        self._credit_notes = CreditNotes(
            self._client, self._book, self._orders, self._documents, self._ledger
        )

    def check(self) -> ConnectionReport:
        return setup.check(self._client, self._book)

    def periods(self) -> tuple[Period, ...]:
        return self._ledger.periods()

    def parties(self, cursor: str | None) -> Page[Party]:
        return setup.parties(self._client, cursor)

    def reference_data(self) -> ReferenceData:
        return setup.reference_data(self._client, self._book, self._ledger)
