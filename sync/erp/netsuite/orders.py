"""Orders in NetSuite: looked for under our key, made whole, read back.

It keeps external ids unique, so of two orders under one key the second is refused and the first
is found.
"""

from collections.abc import Mapping, Sequence

from sync.domain.delivery import Failure, Rejected, Throttled
from sync.domain.documents import LineKind, OrderDraft, OrderState, Written
from sync.erp.batches import answer
from sync.erp.netsuite import sales
from sync.erp.netsuite.book import Book
from sync.erp.netsuite.client import NAME, NetSuiteClient
from sync.erp.netsuite.references import external_id
from sync.erp.netsuite.transactions import INVOICE, KINDS, ORDER, Head, Transactions


class Orders:
    def __init__(self, client: NetSuiteClient, book: Book, transactions: Transactions) -> None:
        self._client, self._book, self._transactions = client, book, transactions

    def find(self, keys: Sequence[str]) -> dict[str, OrderState]:
        """See ErpPort.find_orders."""
        wanted = {external_id(key): key for key in keys}
        heads = self._transactions.of([ORDER], "t.externalid", wanted)
        found = {state.key: state for state in self._states(heads)}
        return {key: found[key] for key in keys if key in found}

    def states(self, refs: Sequence[str]) -> list[OrderState]:
        """See ErpPort.order_states; a ref is an internal id."""
        heads = self._transactions.of([ORDER], "t.id", refs)
        found = {state.ref: state for state in self._states(heads) if state.key}
        return [found[ref] for ref in refs if ref in found]

    def submit(self, orders: Sequence[OrderDraft]) -> list[Written | Failure]:
        """See ErpPort.submit_orders."""
        drafts = {order.key: order for order in orders}
        before = self.find(list(drafts))
        missing = [one for key, one in drafts.items() if key not in before]
        failures = self._make(missing)
        after: dict[str, OrderState] = {}
        # A refusal can be that somebody else has made it at the same moment: look.
        asked = [one.key for one in missing if isinstance(failures.get(one.key), Rejected | None)]
        try:
            after = self.find(asked)
        except Failure as failure:
            # They may well be there; the next attempt finds them.
            failures.update({key: failure for key in asked if key not in failures})
        made = {key for key in after if key not in failures}
        for key in after:
            failures.pop(key, None)
        return [
            answer(key, failures, {**after, **before}, created=key in made, erp=NAME)
            for key in (order.key for order in orders)
        ]

    # -- inside ---------------------------------------------------------------------------------

    def _states(self, heads: Sequence[Head]) -> list[OrderState]:
        invoices: dict[str, list[Head]] = {}
        for invoice in self._transactions.of([INVOICE], "m.createdfrom", (h.id for h in heads)):
            if not invoice.voided:
                invoices.setdefault(invoice.origin, []).append(invoice)
        currency = self._book.currency()
        return [
            sales.order_state(head, row, invoices.get(head.id, ()), currency)
            for head, row in self._transactions.read(heads)
        ]

    def _make(self, orders: Sequence[OrderDraft]) -> dict[str, Failure]:
        """Make these orders. Returns why for those that were not, or may not have been."""
        failures: dict[str, Failure] = {}
        if not orders:
            return failures
        skus = {x.sku for order in orders for x in order.lines if x.kind is LineKind.GOODS}
        records = self._book.records(skus)
        for place, order in enumerate(orders):
            try:
                self._may(order, records.items)
                self._client.create(
                    KINDS[ORDER], sales.order_body(order, self._book.setup, records)
                )
            except Throttled as asked:
                # It will say the same of the others.
                failures.update((one.key, asked) for one in orders[place:])
                return failures
            except Failure as failure:
                failures[order.key] = failure
        return failures

    def _may(self, order: OrderDraft, items: Mapping[str, str]) -> None:
        """Raises Rejected naming what NetSuite would only give the id of."""
        if order.currency != self._book.currency():
            raise Rejected(
                f"The subsidiary keeps its books in {self._book.currency()}, not {order.currency}.",
                "currency",
            )
        taxes = self._book.setup.taxes
        for line in order.lines:
            if line.kind is LineKind.GOODS and line.sku not in items:
                raise Rejected(f"NetSuite has no item {line.sku} to sell.", "sku")
            tax = taxes.get(line.tax_code) if line.tax_code is not None else None
            if line.tax_code is not None and (tax is None or tax.retired):
                raise Rejected(f"There is no tax {line.tax_code} in use in NetSuite.", "tax_code")
