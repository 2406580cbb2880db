"""Orders in Odoo: claimed under our key, filled, confirmed, read back; cancelled."""

from collections.abc import Collection, Sequence
from typing import Any

from sync.domain.delivery import Failure, Rejected
from sync.domain.documents import OrderDraft, OrderPhase, OrderState, Written
from sync.erp.batches import answer, apart
from sync.erp.odoo.client import OdooClient
from sync.erp.odoo.references import ReferenceBook, external_id
from sync.erp.odoo.sales import (
    STATE_FIELDS,
    content,
    header,
    order_state,
    phase_of,
    skus_of,
)

_SALE = "sale.order"
_OPEN = {OrderPhase.DRAFT, OrderPhase.QUOTED}


class Orders:
    """The key stands in `origin`, where it is found, and in an external id, kept unique by Odoo.

    A person who duplicates an order in Odoo duplicates its origin: the oldest one is ours.
    """

    def __init__(self, client: OdooClient, book: ReferenceBook) -> None:
        self._client, self._book = client, book

    def find(self, keys: Sequence[str]) -> dict[str, OrderState]:
        """The orders under these keys, in whatever phase."""
        return {state.key: state for state in self._states(list(self.rows(keys).values()))}

    def states(self, refs: Sequence[str]) -> list[OrderState]:
        """The orders with these ids; ids Odoo does not have are left out."""
        domain = [["id", "in", [int(ref) for ref in refs]]]
        return self._states(self._client.rows(_SALE, domain, STATE_FIELDS))

    def rows(self, keys: Collection[str]) -> dict[str, dict[str, Any]]:
        """The sales under these keys as Odoo's rows."""
        if not keys:
            return {}
        found: dict[str, dict[str, Any]] = {}
        domain = [["origin", "in", list(keys)], ["company_id", "=", self._book.get().company]]
        for row in self._client.rows(_SALE, domain, STATE_FIELDS):
            found.setdefault(row["origin"], row)
        return found

    def _states(self, rows: Sequence[dict[str, Any]]) -> list[OrderState]:
        lines = self._of(rows, "order_line", "sale.order.line", ["name", "product_uom_qty"])
        fields = ["name", "state", "date", "move_type"]
        invoices = self._of(rows, "invoice_ids", "account.move", fields)
        return [
            order_state(
                row,
                [lines[i] for i in row["order_line"] if i in lines],
                [
                    invoices[i]
                    for i in row["invoice_ids"]
                    if i in invoices and invoices[i]["move_type"] == "out_invoice"
                ],
            )
            for row in rows
        ]

    def _of(
        self, rows: Sequence[dict[str, Any]], field: str, model: str, fields: list[str]
    ) -> dict[int, dict[str, Any]]:
        ids = sorted({ident for row in rows for ident in row[field]})
        if not ids:
            return {}
        return {one["id"]: one for one in self._client.rows(model, [["id", "in", ids]], fields)}

    def submit(self, orders: Sequence[OrderDraft]) -> list[Written | Failure]:
        """See ErpPort.submit_orders."""
        return _Submission(self, self._client, self._book, orders).run()

    def cancel(self, ref: str) -> None:
        """Press Cancel, past the question the screen asks. Raises Rejected."""
        self._client.write(
            _SALE, "action_cancel", ids=[int(ref)], context={"disable_cancel_warning": True}
        )


class _Submission:
    """One batch on its way. Claim (an external id each), fill, confirm: each can be done again.

    Filling replaces all lines, so two who work on one order leave the lines once; Odoo refuses to
    take lines from a confirmed order, and then there is nothing left to do.
    """

    def __init__(
        self,
        sales: Orders,
        client: OdooClient,
        book: ReferenceBook,
        orders: Sequence[OrderDraft],
    ) -> None:
        self._sales, self._client, self._book = sales, client, book
        self._orders = orders
        self._drafts = {order.key: order for order in orders}
        self._ids: dict[str, int] = {}
        self._failures: dict[str, Failure] = {}
        self._claims: dict[str, dict[str, object]] = {}
        self._contents: dict[str, dict[str, object]] = {}

    def run(self) -> list[Written | Failure]:
        found = self._sales.rows(self._drafts)
        self._ids = {key: row["id"] for key, row in found.items()}
        wanting = [key for key in self._drafts if key not in found or phase_of(found[key]) in _OPEN]
        self._translate(wanting)
        apart([key for key in wanting if key not in found], self._failures, self._claim)
        for key in wanting:
            apart([key], self._failures, lambda keys: self._fill(keys[0]))
        apart(wanting, self._failures, self._confirm)
        states = self._read_back()
        return [
            answer(order.key, self._failures, states, created=order.key not in found, erp="Odoo")
            for order in self._orders
        ]

    def _translate(self, keys: Sequence[str]) -> None:
        if not keys:
            return
        references, names = self._book.get(), self._book.names
        skus = {sku for key in keys for sku in skus_of(self._drafts[key], names)}
        products, taxes = self._book.products(skus), self._book.taxes()
        for key in keys:
            try:
                claim = header(self._drafts[key], references)
                self._claims[key] = {"id": external_id("order", key), **claim}
                self._contents[key] = content(self._drafts[key], references, products, taxes, names)
            except Rejected as refusal:
                self._failures[key] = refusal

    def _claim(self, keys: list[str]) -> None:
        ids = self._client.upsert(_SALE, [self._claims[key] for key in keys])
        self._ids.update(zip(keys, ids, strict=True))

    def _fill(self, key: str) -> None:
        try:
            self._client.write(_SALE, "write", ids=[self._ids[key]], vals=self._contents[key])
        except Rejected:
            if self._still_open([key]):
                raise

    def _confirm(self, keys: list[str]) -> None:
        waiting = [key for key in keys if key in self._ids]
        try:
            self._client.write(_SALE, "action_confirm", ids=[self._ids[key] for key in waiting])
        except Rejected:
            # A worker beside us may have been quicker: what has moved on needs no push.
            left = self._still_open(waiting)
            if len(left) == len(waiting):
                raise
            if left:
                self._confirm(left)

    def _still_open(self, keys: Sequence[str]) -> list[str]:
        rows = self._sales.rows(keys)
        return [key for key in keys if key in rows and phase_of(rows[key]) in _OPEN]

    def _read_back(self) -> dict[str, OrderState]:
        try:
            return self._sales.find(list(self._ids))
        except Failure as failure:
            # They may well be confirmed; the next attempt finds them.
            for key in self._ids:
                self._failures.setdefault(key, failure)
            return {}
