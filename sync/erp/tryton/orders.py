"""Orders in Tryton: found by key, created, driven to confirmed, read back."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sync.domain.delivery import Failure, Rejected, Unavailable
from sync.domain.documents import OrderDraft, OrderState, Written
from sync.erp.batches import answer, apart
from sync.erp.tryton.client import TrytonClient
from sync.erp.tryton.failures import DuplicateKey
from sync.erp.tryton.references import ReferenceBook
from sync.erp.tryton.sales import (
    CONTENT_FIELDS,
    STATE_FIELDS,
    noted,
    order_state,
    sale_values,
    signature_of_row,
    signature_of_values,
    skus_of,
)
from sync.erp.tryton.wire import exact

_SALE = "model.sale.sale"


class Orders:
    """Sales of the web shop. A key is the sale's `web_id`, which Tryton keeps unique in a shop."""

    def __init__(self, client: TrytonClient, book: ReferenceBook) -> None:
        self._client, self._book = client, book

    def find(self, keys: Sequence[str]) -> dict[str, OrderState]:
        """The orders under these keys, in whatever phase."""
        return {state.key: state for state in self._states(self._under(keys))}

    def states(self, refs: Sequence[str]) -> list[OrderState]:
        """The orders with these ids; ids Tryton does not have are left out."""
        return self._states([["id", "in", [int(ref) for ref in refs]]])

    def _states(self, domain: list[object]) -> list[OrderState]:
        rows = self._client.rows("sale.sale", domain, STATE_FIELDS)
        later = [row["id"] for row in rows if row["state"] in {"processing", "done"}]
        withdrawn = self._withdrawn(later)
        return [order_state(row, withdrawn.get(row["id"])) for row in rows]

    def _withdrawn(self, sales: Sequence[int]) -> dict[int, dict[str, Decimal]]:
        """What was cancelled of these sales and is to stay so, by our line key."""
        if not sales:
            return {}
        lines = self._client.rows(
            "sale.line",
            [["sale", "in", list(sales)], ["moves_ignored", "!=", None]],
            ["sale", "note", "moves_ignored.quantity"],
        )
        found: dict[int, dict[str, Decimal]] = {}
        for line in lines:
            key, _ = noted(line["note"])
            quantity = sum((exact(m["quantity"]) for m in line["moves_ignored."]), Decimal(0))
            found.setdefault(line["sale"], {})[key] = quantity
        return found

    def submit(self, orders: Sequence[OrderDraft]) -> list[Written | Failure]:
        """See ErpPort.submit_orders."""
        return _Submission(self._client, self._book, orders).run()

    def _under(self, keys: Sequence[str]) -> list[object]:
        return [["web_shop", "=", self._book.get().shop], ["web_id", "in", list(keys)]]


class _Submission:
    """One batch on its way: each step is one call for all that need it."""

    def __init__(
        self, client: TrytonClient, book: ReferenceBook, orders: Sequence[OrderDraft]
    ) -> None:
        self._client, self._book = client, book
        self._orders = orders
        self._drafts = {order.key: order for order in orders}
        self._values: dict[str, dict[str, Any]] = {}
        self._ids: dict[str, int] = {}
        self._created: set[str] = set()
        self._failures: dict[str, Failure] = {}

    def run(self) -> list[Written | Failure]:
        self._translate()
        found = self._look_up(list(self._drafts))
        apart([key for key in self._values if key not in found], self._failures, self._create)
        found |= self._look_up([key for key in self._ids if key not in found])
        for key in [key for key, row in found.items() if row["state"] in {"draft", "quotation"}]:
            apart([key], self._failures, lambda keys: self._correct(keys[0], found[keys[0]]))
        self._drive(found, "draft", "quote")
        self._drive(found, "quotation", "confirm")
        states = self._read_back()
        return [
            answer(
                order.key, self._failures, states, created=order.key in self._created, erp="Tryton"
            )
            for order in self._orders
        ]

    def _translate(self) -> None:
        references, names = self._book.fresh(), self._book.names
        skus = {sku for order in self._orders for sku in skus_of(order, names)}
        products = self._book.products(skus)
        for key, order in self._drafts.items():
            try:
                self._values[key] = sale_values(order, references, products, names)
            except Rejected as refusal:
                self._failures[key] = refusal

    def _look_up(self, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What Tryton holds under these keys. An order found needs no translation any more."""
        if not keys:
            return {}
        shop = self._book.get().shop
        domain = [["web_shop", "=", shop], ["web_id", "in", list(keys)]]
        rows = {
            row["web_id"]: row for row in self._client.rows("sale.sale", domain, CONTENT_FIELDS)
        }
        for key, row in rows.items():
            self._ids[key] = row["id"]
            if row["state"] not in {"draft", "quotation"}:
                self._failures.pop(key, None)
        return rows

    def _create(self, keys: list[str]) -> None:
        try:
            ids = self._client.write(f"{_SALE}.create", [self._values[key] for key in keys])
        except DuplicateKey:
            # Somebody posted one of them since we looked: take theirs, create the others.
            theirs = self._look_up(keys)
            if not theirs:
                raise
            others = [key for key in keys if key not in theirs]
            if others:
                self._create(others)
            return
        self._ids.update(zip(keys, ids, strict=True))
        self._created.update(keys)

    def _correct(self, key: str, row: dict[str, Any]) -> None:
        """Make a draft left behind by an earlier attempt say what the order says today."""
        values = self._values[key]
        if signature_of_row(row) == signature_of_values(values):
            return
        if row["state"] == "quotation":
            self._press("draft", [key])
            row["state"] = "draft"
        old = [["delete", [line["id"] for line in row["lines."]]]]
        fresh = {name: value for name, value in values.items() if not name.startswith("web_")}
        self._client.write(
            f"{_SALE}.write", [row["id"]], {**fresh, "lines": [*old, *values["lines"]]}
        )

    def _drive(self, found: dict[str, dict[str, Any]], state: str, button: str) -> None:
        def push(group: list[str]) -> None:
            try:
                self._press(button, group)
            except Rejected:
                # A worker beside us may have been quicker: what has moved on needs no push.
                now = self._look_up(group)
                left = [key for key in group if now.get(key, {}).get("state") == state]
                if len(left) == len(group):
                    raise
                found.update(now)
                if left:
                    push(left)
                return
            for key in group:
                found[key]["state"] = {"quote": "quotation", "confirm": "confirmed"}[button]

        apart([key for key, row in found.items() if row["state"] == state], self._failures, push)

    def _press(self, button: str, keys: Sequence[str]) -> None:
        self._client.write(f"{_SALE}.{button}", [self._ids[key] for key in keys])

    def _read_back(self) -> dict[str, OrderState]:
        if not self._ids:
            return {}
        domain = [["id", "in", list(self._ids.values())]]
        try:
            rows = self._client.rows("sale.sale", domain, STATE_FIELDS)
        except Unavailable as failure:
            # They may well be confirmed; the next attempt finds them.
            for key in self._ids:
                self._failures.setdefault(key, failure)
            return {}
        return {row["web_id"]: order_state(row) for row in rows}
