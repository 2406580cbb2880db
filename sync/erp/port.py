"""What mkterp needs of an ERP, and what an ERP must say about itself.

Adapters live beside this file, one a module, chosen by dotted path in settings. They raise only
the failures of `sync.domain.delivery`, never a library's own, and know nothing of Django. One
contract suite (tests/contract/erp) holds the fake and the real adapters to these docstrings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

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
    native_idempotency: frozenset[str]  # of {"order", "journal"}
    max_batch: int  # orders in one submit
    batch_atomic: bool  # one refused order fails its call (the adapter splits it)
    max_concurrency: int
    rate: tuple[int, int] | None  # requests, seconds
    stock_by_location: bool
    available_to_sell: bool
    reserves_on_confirm: bool
    modified_since: frozenset[str]  # of {"items", "stock", "orders", "shipments"}
    reports_deletes: bool
    push: bool
    erp_computes_tax: bool
    async_writes: bool
    order_cancel: bool
    tracking_numbers: bool
    # How the ERP breaks ties when it rounds a line's net and tax: a name of money.ROUNDINGS. It
    # decides at rates such as 5 %, where a tax can end in exactly half a penny.
    rounding: str = "half_up"
    price_digits: int = 4  # decimals of a unit price it keeps


@dataclass(frozen=True)
class Check:
    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class ConnectionReport:
    version: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)


class ErpPort(Protocol):
    def capabilities(self) -> Capabilities: ...

    def check(self) -> ConnectionReport:
        """Sign-in, version, company, rights and reference records, each as one named check."""
        ...

    def items(self, since: datetime | None, cursor: str | None, limit: int) -> Page[Item]:
        """Items changed at or after `since` (all when None), inactive ones included."""
        ...

    def stock(self, skus: Sequence[str] | None, cursor: str | None) -> Page[StockLevel]: ...

    def stock_changed(self, since: datetime, cursor: str | None) -> Page[str]:
        """SKUs whose stock moved at or after `since`."""
        ...

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

    def cancel_order(self, ref: str, reason: str) -> OrderState: ...

    def order_states(self, refs: Sequence[str]) -> list[OrderState]:
        """These orders as they are now, BOOKED once their invoice is posted in the ledger."""
        ...

    def shipments(self, since: datetime, cursor: str | None) -> Page[Shipment]: ...

    def find_journal(self, key: str) -> Written | None: ...

    def post_journal(self, entry: JournalEntry) -> Written:
        """Post a balanced entry once under its key; a second run finds the first."""
        ...

    def reference_data(self) -> ReferenceData: ...
