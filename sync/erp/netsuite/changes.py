"""Taking back what NetSuite has accepted: lines are closed, or their quantities lowered."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mkterp.core.money import round_to_unit
from sync.domain.delivery import Rejected
from sync.domain.documents import OrderPhase, OrderState
from sync.erp.netsuite import sales
from sync.erp.netsuite.book import Book
from sync.erp.netsuite.client import NetSuiteClient, Row
from sync.erp.netsuite.orders import Orders
from sync.erp.netsuite.references import LINE, money
from sync.erp.netsuite.transactions import (
    INVOICE,
    KINDS,
    ORDER,
    SHIPMENT,
    Transactions,
    ident,
    lines_of,
    standing,
    stocked,
)
from sync.erp.wire import exact

_SHIPPED = "C"
_MEMO = 999  # characters


class Changes:
    def __init__(
        self, client: NetSuiteClient, book: Book, orders: Orders, transactions: Transactions
    ) -> None:
        self._client, self._book, self._orders = client, book, orders
        self._transactions = transactions

    def cancel(self, ref: str, reason: str) -> OrderState:
        """See ErpPort.cancel_order: all lines are closed in one request."""
        state = self._state(ref)
        if state.phase is OrderPhase.CANCELLED:
            return state
        for one in self._made_of(ref):
            if one.type == INVOICE:
                raise Rejected(f"Invoice {one.number} of order {state.number} is posted.")
            word = "shipped" if one.status == _SHIPPED else "picked"
            raise Rejected(f"Fulfilment {one.number} of order {state.number} is {word}.")
        row = self._client.record(KINDS[ORDER], ref)
        closed = [{"line": line["line"], "isClosed": True} for line in lines_of(row)]
        body = {"item": {"items": closed}, **_said(row, f"Cancelled: {reason}")}
        self._client.change(KINDS[ORDER], ref, body)
        return self._state(ref)

    def amend(self, ref: str, quantities: Mapping[str, Decimal], reason: str) -> OrderState:
        """See ErpPort.amend_order: quantities and their taxes are lowered in one request."""
        state = self._state(ref)
        if state.phase not in {OrderPhase.ACCEPTED, OrderPhase.BOOKED}:
            raise Rejected(f"Order {state.number} is {state.phase.value}.")
        row = self._client.record(KINDS[ORDER], ref)
        lines = {line[LINE]: line for line in lines_of(row) if line.get(LINE)}
        for key, wanted in quantities.items():
            _may(key, wanted, lines)
        lowered = {
            key: wanted for key, wanted in quantities.items() if wanted < standing(lines[key])
        }
        if lowered:
            for one in self._made_of(ref):
                if one.type == SHIPMENT and one.status != _SHIPPED:
                    raise Rejected(f"Fulfilment {one.number} of {state.number} is picked.")
            items = [
                {"line": lines[key]["line"], "quantity": wanted, "isClosed": not wanted}
                for key, wanted in lowered.items()
            ]
            body = {
                "item": {"items": items},
                "taxDetails": {"items": self._taxes(row, lines, lowered)},
                **_said(row, f"Amended: {reason}"),
            }
            self._client.change(KINDS[ORDER], ref, body, replace="taxDetails")
        return self._state(ref)

    # -- inside ---------------------------------------------------------------------------------

    def _state(self, ref: str) -> OrderState:
        states = self._orders.states([ref])
        if not states:
            raise Rejected(f"NetSuite has no order {ref} of ours.", "order")
        return states[0]

    def _made_of(self, ref: str) -> list[Any]:
        """What was made of the order; an invoice first."""
        heads = self._transactions.of([INVOICE, SHIPMENT], "m.createdfrom", [ref])
        return sorted((one for one in heads if not one.voided), key=lambda one: one.type)

    def _taxes(
        self, row: Row, lines: Mapping[str, Row], lowered: Mapping[str, Decimal]
    ) -> list[dict[str, object]]:
        """The order's tax details with those of the lowered lines worked out anew.

        They are overridden, so NetSuite leaves them as they are when a quantity changes.
        """
        currency = self._book.currency()
        changed = {lines[key]["taxDetailsReference"]: key for key in lowered}
        found: list[dict[str, object]] = []
        for one in lines_of(row, "taxDetails"):
            place, per_cent = one["taxDetailsReference"], money(one["taxRate"])
            basis, amount = money(one["taxBasis"]), money(one["taxAmount"])
            if place in changed:
                line, quantity = lines[changed[place]], lowered[changed[place]]
                basis = round_to_unit(quantity * money(line["rate"]), currency)
                amount = sales.tax_of(quantity, line, per_cent, currency)
            kind, code = ident(one, "taxType"), ident(one, "taxCode")
            found.append(sales.tax_row(place, kind, code, per_cent / 100, basis, amount))
        return found


def _said(row: Row, words: str) -> dict[str, object]:
    """The memo with these words at its end."""
    memo = "; ".join(part for part in (row.get("memo") or "", words) if part)
    return {"memo": memo[-_MEMO:]}


def _may(key: str, wanted: Decimal, lines: Mapping[str, Row]) -> None:
    if key not in lines:
        raise Rejected(f"The order has no line {key}.", "line")
    line = lines[key]
    if not stocked(line):
        raise Rejected(f"Line {key} is not shipped from here.", "line")
    if not 0 <= wanted <= standing(line):
        raise Rejected(
            f"Line {key} can only be lowered: it stands at {standing(line):f}.", "quantity"
        )
    left = exact(line.get("quantityFulfilled"))
    if left > wanted:
        raise Rejected(f"{left:f} of line {key} have left already.", "quantity")
