"""Deliveries to customers and goods that come back, in Odoo's transfers."""

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
    Shipment,
    ShipmentPhase,
    ShippedLine,
    WriteStatus,
    Written,
)
from sync.erp.odoo.client import OdooClient
from sync.erp.odoo.items import moment
from sync.erp.odoo.orders import Orders
from sync.erp.odoo.references import ReferenceBook, external_id
from sync.erp.odoo.sales import noted
from sync.erp.port import Page
from sync.erp.wire import exact

_PICKINGS_A_PAGE = 200
_PICKING = (
    *("name", "state", "date_done", "sale_id", "origin", "write_date"),
    *("carrier_id", "carrier_tracking_ref"),
)
_PREFIX = "mkterp return "
_ZERO = Decimal(0)
# Odoo has one step from announced to back on the shelf.
_RETURN_PHASES = {"done": ReturnPhase.RESTOCKED, "cancel": ReturnPhase.CANCELLED}


class Shipments:
    def __init__(self, client: OdooClient, book: ReferenceBook, orders: Orders) -> None:
        self._client, self._book, self._orders = client, book, orders

    def page(self, since: datetime, cursor: str | None) -> Page[Shipment]:
        """See ErpPort.shipments; the cursor is the last id seen."""
        kind: list[object] = [
            ["picking_type_code", "=", "outgoing"],
            ["sale_id.origin", "!=", False],
        ]
        rows = self._changed(kind, since, cursor)
        moves = self._moves([row["id"] for row in rows])
        keys = self._order_keys([row["sale_id"][0] for row in rows])
        shipments = tuple(_shipment(row, moves.get(row["id"], []), keys) for row in rows)
        return Page(shipments, _next(rows))

    def returns(self, since: datetime, cursor: str | None) -> Page[ReturnState]:
        """See ErpPort.returns."""
        rows = self._changed([["origin", "=like", f"{_PREFIX}%"]], since, cursor)
        return Page(tuple(self._states(rows)), _next(rows))

    def find_returns(self, keys: Sequence[str]) -> dict[str, ReturnState]:
        """See ErpPort.find_returns."""
        if not keys:
            return {}
        domain: list[object] = [["origin", "in", [_PREFIX + key for key in keys]]]
        rows = self._client.rows("stock.picking", domain, _PICKING)
        found: dict[str, ReturnState] = {}
        for state in self._states(rows):
            if state.lines:  # without, it is only claimed: an attempt that was cut off
                found.setdefault(state.key, state)
        return found

    def submit_return(self, draft: ReturnDraft) -> Written:
        """See ErpPort.submit_return: claimed under the key, filled, marked as to do."""
        known = self.find_returns([draft.key]).get(draft.key)
        if known is not None and known.erp_state != "draft":
            return Written(known.ref, known.number, WriteStatus.EXISTED, returned=known)
        if known is None:
            moves = self._return_moves(draft)
            references = self._book.get()
            claim: dict[str, object] = {
                "id": external_id("return", draft.key),
                "origin": _PREFIX + draft.key,
                "picking_type_id/.id": references.return_type,
                "location_id/.id": references.customers,
                "location_dest_id/.id": references.stock_location,
                "note": f"{draft.reference} {draft.reason}".strip(),
            }
            (picking,) = self._client.upsert("stock.picking", [claim])
            vals = {"move_ids": [[5, 0, 0], *moves]}
            self._client.write("stock.picking", "write", ids=[picking], vals=vals)
        else:
            picking = int(known.ref)
        self._client.write("stock.picking", "action_confirm", ids=[picking])
        state = self.find_returns([draft.key])[draft.key]
        return Written(state.ref, state.number, WriteStatus.CREATED, returned=state)

    # -- inside ---------------------------------------------------------------------------------

    def _changed(
        self, domain: list[object], since: datetime, cursor: str | None
    ) -> list[dict[str, Any]]:
        """A change to what is in a transfer is one of the transfer."""
        domain = [*domain, "|", ["write_date", ">=", since], ["move_ids.write_date", ">=", since]]
        if cursor is not None:
            domain.append(["id", ">", int(cursor)])
        return self._client.rows("stock.picking", domain, _PICKING, limit=_PICKINGS_A_PAGE)

    def _moves(self, pickings: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
        """What is in these transfers, each row with `sku`, `key` and `quantity`."""
        if not pickings:
            return {}
        done = self._book.get().fields.done
        rows = self._client.rows(
            "stock.move",
            [["picking_id", "in", list(pickings)]],
            ["picking_id", "product_id", "sale_line_id", "state", "product_uom_qty", done],
        )
        keys = self._line_keys({row["sale_line_id"][0] for row in rows if row["sale_line_id"]})
        skus = self._skus({row["product_id"][0] for row in rows})
        found: dict[int, list[dict[str, Any]]] = {}
        for row in rows:
            row["sku"] = skus.get(row["product_id"][0], "")
            row["key"] = keys.get(row["sale_line_id"][0], "") if row["sale_line_id"] else ""
            row["quantity"] = exact(row[done if row["state"] == "done" else "product_uom_qty"])
            found.setdefault(row["picking_id"][0], []).append(row)
        return found

    def _line_keys(self, lines: set[int]) -> dict[int, str]:
        if not lines:
            return {}
        rows = self._client.rows("sale.order.line", [["id", "in", sorted(lines)]], ["name"])
        return {row["id"]: noted(row["name"]).key for row in rows}

    def _skus(self, products: set[int]) -> dict[int, str]:
        if not products:
            return {}
        rows = self._client.rows(
            "product.product", [["id", "in", sorted(products)]], ["default_code"], archived=True
        )
        return {row["id"]: row["default_code"] or "" for row in rows}

    def _order_keys(self, sales: Sequence[int]) -> dict[int, str]:
        if not sales:
            return {}
        rows = self._client.rows("sale.order", [["id", "in", sorted(set(sales))]], ["origin"])
        return {row["id"]: row["origin"] or "" for row in rows}

    def _states(self, rows: Sequence[Mapping[str, Any]]) -> list[ReturnState]:
        moves = self._moves([row["id"] for row in rows])
        lines = {
            m["sale_line_id"][0] for inside in moves.values() for m in inside if m["sale_line_id"]
        }
        orders: dict[int, int] = {}
        if lines:
            sold = self._client.rows("sale.order.line", [["id", "in", sorted(lines)]], ["order_id"])
            orders = {row["id"]: row["order_id"][0] for row in sold}
        keys = self._order_keys(list(orders.values()))
        found: list[ReturnState] = []
        for row in rows:
            inside = moves.get(row["id"], [])
            order = next(
                (orders.get(m["sale_line_id"][0]) for m in inside if m["sale_line_id"]), None
            )
            found.append(
                ReturnState(
                    ref=str(row["id"]),
                    number=row["name"],
                    key=row["origin"].removeprefix(_PREFIX),
                    order_key=keys.get(order, "") if order else "",
                    phase=_RETURN_PHASES.get(row["state"], ReturnPhase.EXPECTED),
                    erp_state=row["state"],
                    lines=tuple(
                        ReturnLine(m["key"], m["sku"], m["quantity"])
                        for m in inside
                        if m["quantity"] and (m["state"] != "cancel" or row["state"] == "cancel")
                    ),
                    received_on=moment(row["date_done"]).date() if row["date_done"] else None,
                    modified_at=moment(row["write_date"]),
                )
            )
        return found

    def _return_moves(self, draft: ReturnDraft) -> list[list[object]]:
        """What to take in, each tied to the movement it left by. Raises Rejected."""
        order = self._orders.rows([draft.order_key]).get(draft.order_key)
        if order is None:
            raise Rejected(f"Odoo has no order {draft.order_key}.", "order")
        done = self._book.get().fields.done
        rows = self._client.rows(
            "stock.move",
            [["sale_line_id.order_id", "=", order["id"]], ["state", "!=", "cancel"]],
            [
                "sale_line_id",
                "product_id",
                "state",
                "product_uom_qty",
                "origin_returned_move_id",
                done,
            ],
        )
        keys = self._line_keys({row["sale_line_id"][0] for row in rows})
        left: dict[str, Decimal] = {}
        out: dict[str, Mapping[str, Any]] = {}
        for row in rows:
            key = keys[row["sale_line_id"][0]]
            if row["origin_returned_move_id"]:
                left[key] = left.get(key, _ZERO) - exact(row["product_uom_qty"])
            elif row["state"] == "done":
                left[key] = left.get(key, _ZERO) + exact(row[done])
                out[key] = row
        references = self._book.get()
        moves: list[list[object]] = []
        for line in draft.lines:
            over = line.quantity - left.get(line.line_key, _ZERO)
            if over > 0:
                words = f"{draft.reference} returns {over:f} of {line.sku} more than have left."
                raise Rejected(words, "quantity")
            original = out[line.line_key]
            values: dict[str, object] = {
                "name": line.sku,
                "product_id": original["product_id"][0],
                "product_uom_qty": line.quantity,
                "location_id": references.customers,
                "location_dest_id": references.stock_location,
                "origin_returned_move_id": original["id"],
                "sale_line_id": original["sale_line_id"][0],
                # Goods only: with it Odoo would take them off what is to be invoiced.
                "to_refund": False,
            }
            moves.append([0, 0, values])
        return moves


def _shipment(
    row: Mapping[str, Any], moves: Sequence[Mapping[str, Any]], keys: Mapping[int, str]
) -> Shipment:
    phases = {"done": ShipmentPhase.SHIPPED, "cancel": ShipmentPhase.CANCELLED}
    phase = phases.get(row["state"], ShipmentPhase.OPEN)
    living = [m for m in moves if m["quantity"] and (m["state"] != "cancel" or phase is ShipmentPhase.CANCELLED)]  # fmt: skip # noqa: E501
    tracking = (row["carrier_tracking_ref"] or "").replace("+", ",").split(",")
    return Shipment(
        ref=str(row["id"]),
        number=row["name"],
        order_ref=str(row["sale_id"][0]),
        order_key=keys.get(row["sale_id"][0], ""),
        state=row["state"],
        phase=phase,
        shipped_on=moment(row["date_done"]).date() if phase is ShipmentPhase.SHIPPED else None,
        lines=tuple(ShippedLine(m["sku"], m["quantity"], m["key"]) for m in living),
        carrier=row["carrier_id"][1] if row["carrier_id"] else None,
        tracking=tuple(number.strip() for number in tracking if number.strip()),
        modified_at=moment(row["write_date"]),
    )


def _next(rows: Sequence[Mapping[str, Any]]) -> str | None:
    return str(rows[-1]["id"]) if len(rows) == _PICKINGS_A_PAGE else None
