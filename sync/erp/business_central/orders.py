"""Orders in Business Central: looked for under our key, made whole, read back.

It keeps no document number of ours unique. We look before we write and look again afterwards: where
two have been made at the same moment, the later one is deleted as long as nobody has touched it.
"""

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence

from sync.domain.delivery import Conflict, Failure, Rejected, Throttled
from sync.domain.documents import (
    LineKind,
    OrderDraft,
    OrderState,
    Written,
)
from sync.erp.batches import answer
from sync.erp.business_central import sales
from sync.erp.business_central.client import NAME, BusinessCentralClient, Row
from sync.erp.business_central.references import document_key, money
from sync.erp.business_central.setup import Book

LINES = "salesOrderLines"
_EXTERNAL = "externalDocumentNumber"


class Orders:
    def __init__(self, client: BusinessCentralClient, book: Book) -> None:
        self._client, self._book = client, book
        self._one_at_a_time = threading.Lock()

    def find(self, keys: Sequence[str]) -> dict[str, OrderState]:
        """See ErpPort.find_orders: open orders, and those that are invoiced and gone."""
        wanted = {document_key(key): key for key in keys}
        orders = self._open(_EXTERNAL, wanted)
        found = {state.key: state for state in self._states(orders)}
        gone = [external for external, key in wanted.items() if key not in found]
        found |= {state.key: state for state in self._booked(gone)}
        return {key: found[key] for key in keys if key in found}

    def states(self, refs: Sequence[str]) -> list[OrderState]:
        """See ErpPort.order_states; a ref is an order's number."""
        found = {state.ref: state for state in self._states(self._open("number", refs))}
        gone = [ref for ref in refs if ref not in found]
        invoices = self._client.of("salesInvoices", "orderNumber", gone)
        externals = {one[_EXTERNAL] for one in invoices}
        found |= {state.ref: state for state in self._booked(externals)}
        return [found[ref] for ref in refs if ref in found]

    def row(self, ref: str) -> Row | None:
        """An order that is still there, with its lines."""
        rows = self._open("number", [ref])
        return rows[0] if rows else None

    def submit(self, orders: Sequence[OrderDraft]) -> list[Written | Failure]:
        """See ErpPort.submit_orders."""
        with self._one_at_a_time:
            drafts = {order.key: order for order in orders}
            before = self.find(list(drafts))
            failures = self._make([one for key, one in drafts.items() if key not in before])
            made = [key for key in drafts if key not in before and key not in failures]
            after = self._read_back(made, failures)
            states = {**after, **before}
            return [
                answer(key, failures, states, created=key not in before, erp=NAME)
                for key in (order.key for order in orders)
            ]

    # -- reading --------------------------------------------------------------------------------

    def _open(self, field: str, values: Iterable[str]) -> list[Row]:
        rows = self._client.of("salesOrders", field, list(values), expand=LINES)
        return sorted((row for row in rows if sales.ours(row[LINES])), key=lambda r: r["number"])

    def _states(self, rows: Sequence[Row]) -> list[OrderState]:
        """One state a key: of several orders under it the oldest is ours."""
        found: dict[str, OrderState] = {}
        for row in rows:
            state = sales.order_state(row, self._book.currency())
            found.setdefault(state.key, state)
        return list(found.values())

    def _booked(self, externals: Collection[str]) -> list[OrderState]:
        rows = self._client.of("salesInvoices", _EXTERNAL, externals, expand="salesInvoiceLines")
        by_order: dict[str, list[Row]] = {}
        for row in rows:
            if sales.ours(row["salesInvoiceLines"]) and row["status"] not in ("Draft", "In Review"):
                by_order.setdefault(row[_EXTERNAL], []).append(row)
        return [
            # An invoice that corrects another names no order.
            sales.booked_state(
                max(row["orderNumber"] for row in invoices), invoices, self._book.currency()
            )
            for invoices in by_order.values()
        ]

    # -- writing --------------------------------------------------------------------------------

    def _make(self, orders: Sequence[OrderDraft]) -> dict[str, Failure]:
        """Make these orders. Returns why for those that were not, or may not have been."""
        failures: dict[str, Failure] = {}
        if not orders:
            return failures
        skus = {x.sku for order in orders for x in order.lines if x.kind is LineKind.GOODS}
        items, taxes = self._book.items(skus), set(self._book.taxes())
        location = self._book.location()
        for place, order in enumerate(orders):
            try:
                self._may(order, items, taxes)
                self._client.create("salesOrders", sales.body(order, self._book.setup, location))
            except Throttled as asked:
                # It will say the same of the others.
                failures.update((one.key, asked) for one in orders[place:])
                return failures
            except Failure as failure:
                failures[order.key] = failure
        return failures

    def _may(self, order: OrderDraft, items: Mapping[str, str], taxes: set[str]) -> None:
        """Raises Rejected naming what Business Central would not: it says only "the item"."""
        if order.currency != self._book.currency():
            raise Rejected(
                f"The company keeps its books in {self._book.currency()}, not {order.currency}.",
                "currency",
            )
        for line in order.lines:
            if line.kind is LineKind.GOODS and line.sku not in items:
                raise Rejected(f"Business Central has no item {line.sku} to sell.", "sku")
            if line.tax_code is not None and line.tax_code not in taxes:
                raise Rejected(
                    f"There is no tax {line.tax_code} in use in Business Central.", "tax_code"
                )

    def _read_back(
        self, made: Sequence[str], failures: dict[str, Failure]
    ) -> dict[str, OrderState]:
        try:
            self._drop_surplus(made)
            return self.find(made)
        except Failure as failure:
            # They may well be there; the next attempt finds them.
            failures.update(dict.fromkeys(made, failure))
            return {}

    def _drop_surplus(self, keys: Sequence[str]) -> None:
        seen: set[str] = set()
        for row in self._open(_EXTERNAL, [document_key(key) for key in keys]):
            key = sales.key_of(row, row[LINES])
            untouched = row["status"] == "Draft" and not any(
                money(line["shippedQuantity"]) for line in row[LINES]
            )
            if key in seen and untouched:
                try:
                    self._client.delete(f"salesOrders({row['id']})", row)
                except Conflict:
                    continue  # another worker deletes it, or a person works on it
            seen.add(key)
