"""Goods that come back: customer return shipments in Tryton, apart from any invoice.

A return is made without a sale of its own. Were its moves' origin the sale's line, Tryton would
ship the goods again and, invoicing by fulfilment, credit them too; so the origin is the outgoing
move they left with, which ties them together and moves neither.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sync.domain.delivery import Rejected
from sync.domain.documents import (
    ReturnDraft,
    ReturnLine,
    ReturnPhase,
    ReturnState,
    WriteStatus,
    Written,
)
from sync.erp.port import Page
from sync.erp.tryton.changed import changed
from sync.erp.tryton.client import TrytonClient
from sync.erp.tryton.keyed import among, key_of, keyed
from sync.erp.tryton.references import ReferenceBook
from sync.erp.tryton.sales import noted
from sync.erp.tryton.wire import Quantity, exact

_RETURN = "stock.shipment.out.return"
_A_PAGE = 200
_FIELDS = (
    *("number", "state", "reference", "effective_date", "write_date", "create_date"),
    *("incoming_moves.quantity", "incoming_moves.origin", "incoming_moves.product.code"),
)
_PHASES = {
    "draft": ReturnPhase.EXPECTED,
    "received": ReturnPhase.RECEIVED,
    "done": ReturnPhase.RESTOCKED,
    "cancelled": ReturnPhase.CANCELLED,
}


class Returns:
    """Tryton keeps no key of a return unique: we look first, one writer a key."""

    def __init__(self, client: TrytonClient, book: ReferenceBook) -> None:
        self._client, self._book = client, book

    def find_returns(self, keys: Sequence[str]) -> dict[str, ReturnState]:
        """See ErpPort.find_returns."""
        if not keys:
            return {}
        rows = self._client.rows(_RETURN, [among(keys)], _FIELDS)
        states = [state for state in self._states(rows) if state.key in set(keys)]
        return {state.key: state for state in states}

    def returns(self, since: datetime, cursor: str | None) -> Page[ReturnState]:
        """See ErpPort.returns; the cursor is the last id seen."""
        domain: list[object] = [changed(since, ("", "moves."))]
        if cursor is not None:
            domain.append(["id", ">", int(cursor)])
        rows = self._client.rows(_RETURN, domain, _FIELDS, limit=_A_PAGE)
        states = tuple(state for state in self._states(rows) if state.key)
        return Page(states, str(rows[-1]["id"]) if len(rows) == _A_PAGE else None)

    def submit_return(self, draft: ReturnDraft) -> Written:
        """See ErpPort.submit_return."""
        if found := self.find_returns([draft.key]).get(draft.key):
            return Written(found.ref, found.number, WriteStatus.EXISTED, returned=found)
        left = self._left(draft)
        (shipment,) = self._client.rows(
            "stock.shipment.out",
            [["id", "=", int(left[0]["shipment"].partition(",")[2])]],
            [
                *("customer", "customer_location", "delivery_address", "warehouse"),
                *("warehouse.input_location", "warehouse.storage_location"),
            ],
        )
        place = shipment["warehouse."]
        values = {
            "company": self._book.get().company,
            "customer": shipment["customer"],
            "contact_address": shipment["delivery_address"],
            "warehouse": shipment["warehouse"],
            "warehouse_input": place["input_location"],
            "warehouse_storage": place["storage_location"],
            "planned_date": draft.expected_on,
            "reference": keyed(draft.reference, draft.key),
            "incoming_moves": [
                [
                    "create",
                    [
                        {
                            "company": self._book.get().company,
                            "product": move["product"],
                            "unit": move["unit"],
                            "quantity": Quantity(quantity),
                            "from_location": shipment["customer_location"],
                            "to_location": place["input_location"],
                            "unit_price": move["unit_price"],
                            "currency": move["currency"],
                            "planned_date": draft.expected_on,
                            "origin": f"stock.move,{move['id']}",
                        }
                        for move, quantity in self._shares(draft, left)
                    ],
                ]
            ],
        }
        self._client.write(f"model.{_RETURN}.create", [values])
        state = self.find_returns([draft.key])[draft.key]
        return Written(state.ref, state.number, WriteStatus.CREATED, returned=state)

    def _left(self, draft: ReturnDraft) -> list[dict[str, Any]]:
        """The moves with which the order's goods left, each with what is back or on its way."""
        shop = self._book.get().shop
        sales = self._client.rows(
            "sale.sale", [["web_shop", "=", shop], ["web_id", "=", draft.order_key]], []
        )
        if not sales:
            raise Rejected(f"Tryton has no order {draft.order_key}.", "order")
        moves = self._client.rows(
            "stock.move",
            [
                ["sale", "=", sales[0]["id"]],
                ["state", "=", "done"],
                ["shipment", "like", "stock.shipment.out,%"],
            ],
            ["product", "unit", "quantity", "unit_price", "currency", "shipment", "origin"],
        )
        if not moves:
            raise Rejected(f"Nothing of {draft.reference} has left the house.", "quantity")
        lines = self._client.rows(
            "sale.line", [["sale", "=", sales[0]["id"]], ["note", "!=", None]], ["note"]
        )
        keys = {f"sale.line,{row['id']}": noted(row["note"])[0] for row in lines}
        back = self._client.rows(
            "stock.move",
            [
                ["origin", "in", [f"stock.move,{move['id']}" for move in moves]],
                ["state", "!=", "cancelled"],
                ["shipment", "like", f"{_RETURN},%"],
                ["from_location.type", "=", "customer"],
            ],
            ["quantity", "origin"],
        )
        for move in moves:
            returned = [b for b in back if b["origin"] == f"stock.move,{move['id']}"]
            move["line_key"] = keys.get(move["origin"] or "", "")
            move["returnable"] = exact(move["quantity"]) - sum(
                exact(b["quantity"]) for b in returned
            )
        return moves

    @staticmethod
    def _shares(
        draft: ReturnDraft, left: Sequence[Mapping[str, Any]]
    ) -> list[tuple[Mapping[str, Any], Decimal]]:
        """Which move each returned piece left with. Raises Rejected when more comes back."""
        open_now = {move["id"]: move["returnable"] for move in left}
        shares: list[tuple[Mapping[str, Any], Decimal]] = []
        for line in draft.lines:
            wanted = line.quantity
            for move in left:
                share = min(wanted, open_now[move["id"]])
                if move["line_key"] == line.line_key and share > 0:
                    shares.append((move, share))
                    open_now[move["id"]] -= share
                    wanted -= share
            if wanted:
                raise Rejected(
                    f"{draft.reference} returns {wanted:f} of {line.sku} more than have left.",
                    "quantity",
                )
        return shares

    def _states(self, rows: Sequence[Mapping[str, Any]]) -> list[ReturnState]:
        """Return shipments as read by _FIELDS; line and order are found by the outgoing moves."""
        origins = {move["origin"] for row in rows for move in row["incoming_moves."]}
        ids = [int(o.partition(",")[2]) for o in origins if o and o.startswith("stock.move,")]
        left = self._client.rows(
            "stock.move", [["id", "in", sorted(ids)]], ["origin", "sale.web_id"]
        )
        lines = [int(m["origin"].partition(",")[2]) for m in left if m["origin"]]
        notes = self._client.rows("sale.line", [["id", "in", sorted(lines)]], ["note"])
        keys = {f"sale.line,{row['id']}": noted(row["note"])[0] for row in notes}
        known = {
            f"stock.move,{move['id']}": (
                keys.get(move["origin"] or "", ""),
                (move["sale."] or {}).get("web_id") or "",
            )
            for move in left
        }
        return [_state(row, known) for row in rows]


def _state(row: Mapping[str, Any], known: Mapping[str, tuple[str, str]]) -> ReturnState:
    moves = row["incoming_moves."]
    traced = [known.get(move["origin"] or "", ("", "")) for move in moves]
    phase = _PHASES[row["state"]]
    modified = row["write_date"] or row["create_date"]
    received = row["effective_date"] or (modified.date() if modified else None)
    return ReturnState(
        ref=str(row["id"]),
        number=row["number"] or "",
        key=key_of(row["reference"]),
        order_key=next((order for _, order in traced if order), ""),
        phase=phase,
        erp_state=row["state"],
        lines=tuple(
            ReturnLine(line, move["product."]["code"] or "", exact(move["quantity"]))
            for move, (line, _) in zip(moves, traced, strict=True)
        ),
        received_on=received if phase in {ReturnPhase.RECEIVED, ReturnPhase.RESTOCKED} else None,
        modified_at=modified,
    )
