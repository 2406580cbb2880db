"""TrytonErp: the ERP port on a Tryton 8.2."""

from collections.abc import Sequence
from datetime import datetime

import httpx

from sync.domain.delivery import Failure
from sync.domain.documents import (
    Item,
    JournalEntry,
    OrderDraft,
    OrderState,
    ReferenceData,
    Shipment,
    StockLevel,
    Written,
)
from sync.erp.port import Capabilities, ConnectionReport, Page
from sync.erp.tryton import setup
from sync.erp.tryton.client import TrytonClient
from sync.erp.tryton.items import Items
from sync.erp.tryton.journals import Journals
from sync.erp.tryton.orders import Orders
from sync.erp.tryton.references import Names, ReferenceBook
from sync.erp.tryton.shipments import shipments

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
    modified_since=frozenset({"items", "stock", "orders", "shipments"}),
    reports_deletes=False,
    push=False,
    erp_computes_tax=True,
    async_writes=False,
    order_cancel=True,
    tracking_numbers=False,
    rounding="half_even",
)


class TrytonErp:
    """See `sync.erp.port.ErpPort`; safe to share between threads.

    `timeout` is seconds for one call and has to cover a whole batch being processed; `names` says
    what the reference records are called; `transport` replaces the network in tests.
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
        self._client = TrytonClient(
            url, database, user, password, timeout=timeout, transport=transport
        )
        self._book = ReferenceBook(self._client, names or Names())
        self._orders = Orders(self._client, self._book)
        self._items = Items(self._client, self._book)
        self._journals = Journals(self._client, self._book)

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

    def cancel_order(self, ref: str, reason: str) -> OrderState:
        return self._orders.cancel(ref, reason)

    def order_states(self, refs: Sequence[str]) -> list[OrderState]:
        return self._orders.states(refs)

    def shipments(self, since: datetime, cursor: str | None) -> Page[Shipment]:
        return shipments(self._client, since, cursor)

    def find_journal(self, key: str) -> Written | None:
        return self._journals.find(key)

    def post_journal(self, entry: JournalEntry) -> Written:
        return self._journals.post(entry)

    def reference_data(self) -> ReferenceData:
        return setup.reference_data(self._client, self._book)
