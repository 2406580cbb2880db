"""TrytonErp: the ERP port on a Tryton 8.2."""

import httpx

from sync.domain.documents import Party, Period, ReferenceData
from sync.domain.tax import Arithmetic, Level
from sync.erp.parts import ErpOfParts
from sync.erp.port import Capabilities, ConnectionReport, Page
from sync.erp.tryton import masters, periods, setup
from sync.erp.tryton.changes import Changes
from sync.erp.tryton.client import TrytonClient
from sync.erp.tryton.credit_notes import CreditNotes
from sync.erp.tryton.documents import Documents
from sync.erp.tryton.items import Items
from sync.erp.tryton.journals import Journals
from sync.erp.tryton.ledger import Ledger
from sync.erp.tryton.orders import Orders
from sync.erp.tryton.references import Names, ReferenceBook
from sync.erp.tryton.returns import Returns
from sync.erp.tryton.shipments import Shipments

CAPABILITIES = Capabilities(
    name="Tryton",
    native_idempotency=frozenset({"order"}),
    max_batch=40,
    batch_atomic=True,
    max_concurrency=2,
    rate=None,
    stock_by_location=True,
    available_to_sell=True,
    reserves_on_confirm=False,
    modified_since=frozenset(
        {"items", "stock", "orders", "shipments", "returns", "documents", "ledger"}
    ),
    reports_deletes=False,
    push=False,
    erp_computes_tax=True,
    async_writes=False,
    order_cancel=True,
    # Parcels, carriers and tracking numbers with the module stock_package_shipping; `check` says
    # whether this Tryton has it.
    tracking_numbers=True,
    parcels=True,
    carriers=True,
    arithmetic=Arithmetic(Level.LINE, "half_even"),
    accepted_cancel=True,
    order_amend=True,
    amend_lowers_totals=False,
    returns=True,
    credit_notes=True,
    line_keys=True,
    agent_sales_direct=False,
    balances_by_party=True,
    reconciles=True,
)


class TrytonErp(ErpOfParts):
    """See `sync.erp.port.ErpPort`; safe to share between threads.

    `timeout` is seconds for one call and has to cover a whole batch being processed; `names` says
    what the reference records are called; `transport` replaces the network in tests.
    """

    able = CAPABILITIES
    _client: TrytonClient

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
        self._client = TrytonClient(
            url, database, user, password, timeout=timeout, transport=transport
        )
        self._book = ReferenceBook(self._client, names or Names())
        self._orders = Orders(self._client, self._book)
        self._items = Items(self._client, self._book)
        self._journals = Journals(self._client, self._book)
        self._changes = Changes(self._client, self._orders)
        self._shipments = Shipments(self._client, self._book)
        self._returns = Returns(self._client, self._book)
        self._documents = Documents(self._client, self._book)
        self._credit_notes = CreditNotes(self._client, self._book, self._documents)
        self._ledger = Ledger(self._client, self._book)

    def check(self) -> ConnectionReport:
        return setup.check(self._client, self._book)

    def periods(self) -> tuple[Period, ...]:
        return periods.periods(self._client, self._book.get().company)

    def parties(self, cursor: str | None) -> Page[Party]:
        return masters.parties(self._client, cursor)

    def reference_data(self) -> ReferenceData:
        return masters.reference_data(self._client, self._book)
