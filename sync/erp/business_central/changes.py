"""Taking back what Business Central has accepted: the quantities of an order's lines are lowered.

An order is cancelled by lowering all of them to nothing. Deleting it would leave no trace of our
key, and the next submit would make it again.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sync.domain.delivery import Rejected
from sync.domain.documents import OrderPhase, OrderState
from sync.erp.business_central import sales
from sync.erp.business_central.client import BusinessCentralClient, Row
from sync.erp.business_central.orders import LINES, Orders
from sync.erp.business_central.references import money
from sync.erp.wire import exact

_ZERO = Decimal(0)


class Changes:
    def __init__(self, client: BusinessCentralClient, orders: Orders) -> None:
        self._client, self._orders = client, orders

    def cancel(self, ref: str, reason: str) -> OrderState:
        """See ErpPort.cancel_order."""
        state = self._state(ref)
        if state.phase is OrderPhase.CANCELLED:
            return state
        row = self._open(ref, state)
        for line in sales.facts_of(row):
            if money(line["shippedQuantity"]):
                raise Rejected(f"Goods of order {ref} have been shipped.")
        self._lower(row, {line["id"]: _ZERO for line in sales.facts_of(row)})
        self._say(row, f"Cancelled: {reason}")
        return self._state(ref)

    def amend(self, ref: str, quantities: Mapping[str, Decimal], reason: str) -> OrderState:
        """See ErpPort.amend_order."""
        state = self._state(ref)
        row = self._open(ref, state)
        lines = {sales.noted(line).key: line for line in sales.facts_of(row)}
        for key, wanted in quantities.items():
            _may(key, wanted, lines)
        lowered = {
            lines[key]["id"]: wanted
            for key, wanted in quantities.items()
            if wanted < money(lines[key]["quantity"])
        }
        if lowered:
            self._lower(row, lowered)
            self._say(row, f"Amended: {reason}")
        return self._state(ref)

    # -- inside ---------------------------------------------------------------------------------

    def _state(self, ref: str) -> OrderState:
        states = self._orders.states([ref])
        if not states:
            raise Rejected(f"Business Central has no order {ref}.", "order")
        return states[0]

    def _open(self, ref: str, state: OrderState) -> Row:
        """The order, if it may be changed. Its lines can only while it is not released."""
        row = self._orders.row(ref)
        if row is None:
            raise Rejected(f"Invoice {state.invoice_number} of order {ref} is posted.")
        if row["status"] != "Draft":
            raise Rejected(
                f"Order {ref} is released or being approved, so it may be picked: its people can "
                "reopen it in Business Central."
            )
        return row

    def _lower(self, row: Row, quantities: Mapping[str, Decimal]) -> None:
        """A line at a time, so one cut off in the middle is finished by the next attempt."""
        for line in sales.facts_of(row):
            wanted = quantities.get(line["id"])
            if wanted is not None and money(line["quantity"]) != wanted:
                path = f"salesOrderLines({line['id']})"
                self._client.change(path, line, {"quantity": wanted})

    def _say(self, row: Row, words: str) -> None:
        told = sales.comment(words)
        if all(line["description"] != told["description"] for line in row[LINES]):
            self._client.create(f"salesOrders({row['id']})/{LINES}", told)


def _may(key: str, wanted: Decimal, lines: Mapping[str, Mapping[str, Any]]) -> None:
    if key not in lines:
        raise Rejected(f"The order has no line {key}.", "line")
    line = lines[key]
    if line["lineType"] != "Item":
        raise Rejected(f"Line {key} is not shipped from here.", "line")
    if not 0 <= wanted <= money(line["quantity"]):
        raise Rejected(
            f"Line {key} can only be lowered: it stands at {exact(line['quantity']):f}.",
            "quantity",
        )
    left = money(line["shippedQuantity"])
    if left > wanted:
        raise Rejected(f"{exact(left):f} of line {key} have left already.", "quantity")
