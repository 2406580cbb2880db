"""Taking back what Odoo has accepted, as long as nobody has touched the goods or the books.

Lowering a confirmed order's quantity lowers its delivery in some series and only leaves a note in
others. So the delivery is read afterwards and lowered to what is left, whoever has done it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sync.domain.delivery import Rejected
from sync.domain.documents import OrderPhase, OrderState
from sync.erp.odoo.client import OdooClient
from sync.erp.odoo.orders import Orders
from sync.erp.odoo.references import ReferenceBook
from sync.erp.odoo.sales import noted
from sync.erp.wire import exact

_ZERO = Decimal(0)


@dataclass(frozen=True)
class Line:
    id: int
    quantity: Decimal


@dataclass(frozen=True)
class Move:
    id: int
    picking: int
    picking_name: str
    line: int
    state: str
    wanted: Decimal
    done: Decimal
    picked: bool


class Changes:
    def __init__(self, client: OdooClient, book: ReferenceBook, orders: Orders) -> None:
        self._client, self._book, self._orders = client, book, orders

    def cancel(self, ref: str, reason: str) -> OrderState:
        """See ErpPort.cancel_order."""
        state = self._state(ref)
        if state.phase is OrderPhase.CANCELLED:
            return state
        if state.phase in {OrderPhase.ACCEPTED, OrderPhase.BOOKED}:
            for move in self._moves(ref):
                word = "shipped" if move.state == "done" else "picked" if move.picked else ""
                if word:
                    raise Rejected(f"Delivery {move.picking_name} of {state.number} is {word}.")
            self._nothing_posted(ref, state)
        self._orders.cancel(ref)
        self._client.write(
            "sale.order", "message_post", ids=[int(ref)], body=f"Cancelled: {reason}"
        )
        return self._state(ref)

    def amend(self, ref: str, quantities: Mapping[str, Decimal], reason: str) -> OrderState:
        """See ErpPort.amend_order."""
        state = self._state(ref)
        if state.phase not in {OrderPhase.ACCEPTED, OrderPhase.BOOKED}:
            raise Rejected(f"Sale {state.number or ref} is {state.phase.value}: send it again.")
        lines, moves = self._lines(ref), self._moves(ref)
        for key, wanted in quantities.items():
            self._may(key, wanted, lines, moves)
        lowered = [
            [1, lines[key].id, {"product_uom_qty": wanted}]
            for key, wanted in quantities.items()
            if wanted < lines[key].quantity
        ]
        if lowered:
            self._client.write("sale.order", "write", ids=[int(ref)], vals={"order_line": lowered})
        self._lower_deliveries(ref, {lines[key].id: n for key, n in quantities.items()})
        if lowered:
            self._client.write(
                "sale.order", "message_post", ids=[int(ref)], body=f"Amended: {reason}"
            )
        return self._state(ref)

    # -- inside ---------------------------------------------------------------------------------

    def _state(self, ref: str) -> OrderState:
        states = self._orders.states([ref])
        if not states:
            raise Rejected(f"Odoo has no order {ref}.", "order")
        return states[0]

    def _nothing_posted(self, ref: str, state: OrderState) -> None:
        (row,) = self._client.rows("sale.order", [["id", "=", int(ref)]], ["invoice_ids"])
        domain = [["id", "in", row["invoice_ids"]], ["state", "=", "posted"]]
        for invoice in self._client.rows("account.move", domain, ["name"]):
            raise Rejected(f"Invoice {invoice['name']} of {state.number} is posted.")

    def _lines(self, ref: str) -> dict[str, Line]:
        rows = self._client.rows(
            "sale.order.line", [["order_id", "=", int(ref)]], ["name", "product_uom_qty"]
        )
        return {
            noted(row["name"]).key: Line(row["id"], exact(row["product_uom_qty"])) for row in rows
        }

    def _moves(self, ref: str) -> list[Move]:
        """What its deliveries move, cancelled ones left out."""
        fields = self._book.get().fields
        names = ["picking_id", "sale_line_id", "state", "product_uom_qty", fields.done]
        domain = [
            ["sale_line_id.order_id", "=", int(ref)],
            ["picking_id.picking_type_code", "=", "outgoing"],
            ["state", "!=", "cancel"],
        ]
        rows = self._client.rows(
            "stock.move", domain, [*names, *(["picked"] if fields.picked else [])]
        )
        return [self._move(row) for row in rows]

    def _move(self, row: Mapping[str, Any]) -> Move:
        fields = self._book.get().fields
        done = exact(row[fields.done])
        return Move(
            id=row["id"],
            picking=row["picking_id"][0],
            picking_name=row["picking_id"][1],
            line=row["sale_line_id"][0],
            state=row["state"],
            wanted=exact(row["product_uom_qty"]),
            done=done if row["state"] == "done" else _ZERO,
            # Before 17 a quantity that is done says that somebody has begun.
            picked=bool(row["picked"]) if fields.picked else row["state"] != "done" and done > 0,
        )

    @staticmethod
    def _may(key: str, wanted: Decimal, lines: Mapping[str, Line], moves: list[Move]) -> None:
        if key not in lines:
            raise Rejected(f"The sale has no line {key}.", "line")
        line = lines[key]
        mine = [move for move in moves if move.line == line.id]
        if not mine and line.quantity:
            raise Rejected(f"Line {key} is not shipped from here.", "line")
        if not 0 <= wanted <= line.quantity:
            raise Rejected(
                f"Line {key} can only be lowered: it stands at {line.quantity:f}.", "quantity"
            )
        left = sum((move.done for move in mine), _ZERO)
        if left > wanted:
            raise Rejected(f"{left:f} of line {key} have left already.", "quantity")
        if wanted < line.quantity and any(m.picked for m in moves if m.state != "done"):
            raise Rejected("A delivery of the sale is picked.", "quantity")

    def _lower_deliveries(self, ref: str, wanted: Mapping[int, Decimal]) -> None:
        moves = self._moves(ref)
        keep: dict[int, Decimal] = {}
        for move in moves:
            if move.state == "done":
                continue
            keep[move.id] = move.wanted
            if move.line in wanted:
                left = sum((m.done for m in moves if m.line == move.line), _ZERO)
                others = sum((keep[m.id] for m in moves if m.line == move.line and m.id != move.id and m.id in keep), _ZERO)  # fmt: skip # noqa: E501
                keep[move.id] = min(move.wanted, max(_ZERO, wanted[move.line] - left - others))
        empty = {
            picking
            for picking in {m.picking for m in moves if m.state != "done"}
            if not any(keep.get(m.id, _ZERO) for m in moves if m.picking == picking)
        }
        for move in moves:
            if move.id in keep and keep[move.id] < move.wanted and move.picking not in empty:
                vals = {"product_uom_qty": keep[move.id]}
                self._client.write("stock.move", "write", ids=[move.id], vals=vals)
        if empty:
            self._client.write("stock.picking", "action_cancel", ids=sorted(empty))
