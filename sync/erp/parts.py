"""An adapter is made of parts, one for each kind of record; here they are joined to the port.

What a method does is said in `sync.erp.port.ErpPort`, how an ERP does it in the part of that name.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar, Protocol

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
    PostedDocument,
    PostedJournal,
    ReturnDraft,
    ReturnState,
    Shipment,
    StockLevel,
    Written,
)
from sync.erp.port import Capabilities, Page


class _Client(Protocol):
    def close(self) -> None: ...


class _Items(Protocol):
    def page(self, since: datetime | None, cursor: str | None, limit: int) -> Page[Item]: ...
    def stock(self, skus: Sequence[str] | None, cursor: str | None) -> Page[StockLevel]: ...
    def moved(self, since: datetime, cursor: str | None) -> Page[str]: ...


class _Orders(Protocol):
    def find(self, keys: Sequence[str]) -> dict[str, OrderState]: ...
    def submit(self, orders: Sequence[OrderDraft]) -> list[Written | Failure]: ...
    def states(self, refs: Sequence[str]) -> list[OrderState]: ...


class _Changes(Protocol):
    def cancel(self, ref: str, reason: str) -> OrderState: ...
    def amend(self, ref: str, quantities: Mapping[str, Decimal], reason: str) -> OrderState: ...


class _Shipments(Protocol):
    def page(self, since: datetime, cursor: str | None) -> Page[Shipment]: ...


class _Returns(Protocol):
    def find_returns(self, keys: Sequence[str]) -> dict[str, ReturnState]: ...
    def submit_return(self, draft: ReturnDraft) -> Written: ...
    def returns(self, since: datetime, cursor: str | None) -> Page[ReturnState]: ...


class _Documents(Protocol):
    def of_orders(self, order_keys: Sequence[str]) -> dict[str, tuple[PostedDocument, ...]]: ...
    def page(self, since: datetime, cursor: str | None) -> Page[PostedDocument]: ...
    def credit_notes(self, keys: Sequence[str]) -> dict[str, PostedDocument]: ...


class _CreditNotes(Protocol):
    def post(self, draft: CreditNoteDraft) -> Written: ...


class _Journals(Protocol):
    def find(self, key: str) -> Written | None: ...
    def read(self, keys: Sequence[str]) -> dict[str, PostedJournal]: ...
    def post(self, entry: JournalEntry) -> Written: ...
    def reverse(self, key: str, *, as_key: str, posting_date: date, memo: str) -> Written: ...


class _Ledger(Protocol):
    def lines(self, query: LedgerQuery, cursor: str | None) -> Page[LedgerLine]: ...
    def balances(
        self, on: date, accounts: Sequence[str], *, by_party: bool
    ) -> tuple[Balance, ...]: ...
    def reconcile(self, line_refs: Sequence[str]) -> str: ...


class NoReturns:
    """For an ERP that takes no announced returns from outside."""

    def __init__(self, erp: str) -> None:
        self._erp = erp

    def find_returns(self, keys: Sequence[str]) -> dict[str, ReturnState]:
        return {}

    def submit_return(self, draft: ReturnDraft) -> Written:
        raise Rejected(f"The API of {self._erp} does not offer announced returns.")

    def returns(self, since: datetime, cursor: str | None) -> Page[ReturnState]:
        return Page((), None)


class ErpOfParts:
    """The port but for what is said of the whole ERP: `check`, `periods`, `parties` and
    `reference_data` are each adapter's own."""

    able: ClassVar[Capabilities]
    _client: _Client
    _items: _Items
    _orders: _Orders
    _changes: _Changes
    _shipments: _Shipments
    _returns: _Returns
    _documents: _Documents
    _credit_notes: _CreditNotes
    _journals: _Journals
    _ledger: _Ledger

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def capabilities(self) -> Capabilities:
        return self.able

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
        return self._returns.find_returns(keys)

    def submit_return(self, draft: ReturnDraft) -> Written:
        return self._returns.submit_return(draft)

    def returns(self, since: datetime, cursor: str | None) -> Page[ReturnState]:
        return self._returns.returns(since, cursor)

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
