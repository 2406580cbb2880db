"""Sales, deliveries and stock as an Odoo keeps them: one-step delivery, invoiced when delivered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.sandbox.erp.odoo.orm import Orm, Record, user_error

ZERO = Decimal(0)
CENT = Decimal("0.01")


def rounded(amount: Decimal) -> Decimal:
    """As Odoo rounds money: half a cent goes up."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


class Trade(Orm):
    @property
    def done_field(self) -> str:
        return "quantity" if self.series >= 17 else "quantity_done"

    @property
    def taxes_field(self) -> str:
        return "tax_ids" if self.series >= 19 else "tax_id"

    # -- values Odoo computes -------------------------------------------------------------------

    def value(self, model: str, record: Record, name: str, context: Mapping[str, Any]) -> Any:
        if model == "sale.order":
            if name in ("amount_untaxed", "amount_tax", "amount_total"):
                return self._totals(record["id"])[name]
            if name == "invoice_status":
                return self._invoice_status(record)
            if name == "invoice_ids":
                lines = self.rows(
                    "sale.order.line", self.children(model, record["id"], "order_line")
                )
                ids = [
                    self.row("account.move.line", x)["move_id"]
                    for y in lines
                    for x in self.invoice_lines(y)
                ]
                return sorted(set(ids))
        if model == "sale.order.line":
            if name == "qty_delivered":
                return self.delivered(record)
            if name == "qty_invoiced":
                return self.invoiced(record)
            if name == "price_subtotal":
                return rounded(record["product_uom_qty"] * record["price_unit"])
            if name == "price_tax":
                return self._line_tax(record)
            if name == "invoice_lines":
                return self.invoice_lines(record)
        if model == "product.product" and name in ("free_qty", "virtual_available", "outgoing_qty"):
            promised = self.outgoing(record["id"])
            stock = record["qty_available"]
            free = stock - min(max(stock, ZERO), promised)
            return {"outgoing_qty": promised, "free_qty": free}.get(name, stock - promised)
        if model == "stock.picking" and name == "picking_type_code":
            return self.row("stock.picking.type", record["picking_type_id"])["code"]
        return super().value(model, record, name, context)

    def tax_of(self, base: Decimal, taxes: Iterable[int]) -> Decimal:
        """The taxes on a rounded base, each rounded by itself."""
        return sum(
            (rounded(base * row["amount"] / 100) for row in self.rows("account.tax", taxes)), ZERO
        )

    def _line_tax(self, line: Record) -> Decimal:
        base = rounded(line["product_uom_qty"] * line["price_unit"])
        return self.tax_of(base, line[self.taxes_field])

    def _totals(self, order: int) -> dict[str, Decimal]:
        lines = self.rows("sale.order.line", self.children("sale.order", order, "order_line"))
        net = sum((rounded(x["product_uom_qty"] * x["price_unit"]) for x in lines), ZERO)
        tax = sum((self._line_tax(line) for line in lines), ZERO)
        return {"amount_untaxed": net, "amount_tax": tax, "amount_total": net + tax}

    def goods(self, line: Record) -> bool:
        """Whether a warehouse has anything to do with it."""
        return bool(self.row("product.product", line["product_id"])["type"] != "service")

    def delivered(self, line: Record) -> Decimal:
        total = ZERO
        for move in self.tables["stock.move"].values():
            if move["sale_line_id"] == line["id"] and move["state"] == "done":
                if not move["origin_returned_move_id"]:
                    total += move[self.done_field]
                elif move["to_refund"]:
                    total -= move[self.done_field]
        return total

    def invoice_lines(self, line: Record) -> list[int]:
        return [
            one["id"]
            for one in self.tables["account.move.line"].values()
            if line["id"] in one["sale_line_ids"]
        ]

    def invoiced(self, line: Record) -> Decimal:
        total = ZERO
        for one in self.rows("account.move.line", self.invoice_lines(line)):
            move = self.row("account.move", one["move_id"])
            if move["state"] != "cancel":
                total += one["quantity"] * (1 if move["move_type"] == "out_invoice" else -1)
        return total

    def to_invoice(self, line: Record) -> Decimal:
        product = self.row("product.product", line["product_id"])
        due = line["product_uom_qty"]
        if product["invoice_policy"] == "delivery":
            due = self.delivered(line)
        return Decimal(due) - self.invoiced(line)

    def _invoice_status(self, order: Record) -> str:
        if order["state"] not in ("sale", "done"):
            return "no"
        lines = self.rows("sale.order.line", self.children("sale.order", order["id"], "order_line"))
        if any(self.to_invoice(line) for line in lines):
            return "to invoice"
        done = all(self.invoiced(line) >= line["product_uom_qty"] for line in lines)
        return "invoiced" if lines and done else "no"

    def outgoing(self, product: int) -> Decimal:
        out = [
            move["product_uom_qty"]
            for move in self.tables["stock.move"].values()
            if move["product_id"] == product
            and move["state"] not in ("done", "cancel", "draft")
            and not move["origin_returned_move_id"]
        ]
        return sum(out, ZERO)

    # -- writing --------------------------------------------------------------------------------

    def create(self, model: str, vals_list: Sequence[Mapping[str, Any]]) -> list[int]:
        if model == "sale.order":
            return [self._new_order(values) for values in vals_list]
        if model == "stock.picking":
            return [
                self.new(model, {"state": "draft", "name": self.number("WH/IN/"), **values})
                for values in vals_list
            ]
        if model == "stock.move":
            return [self.new(model, {"state": "draft", **values}) for values in vals_list]
        return super().create(model, vals_list)

    def _new_order(self, values: Mapping[str, Any]) -> int:
        company = next(iter(self.tables["res.company"].values()))
        usual = {
            "state": "draft",
            "name": self.number("S", 5),
            "company_id": company["id"],
            "currency_id": company["currency_id"],
            "warehouse_id": next(iter(self.tables["stock.warehouse"])),
        }
        return self.new("sale.order", {**usual, **values})

    def number(self, prefix: str, width: int = 5) -> str:
        """The next number of a series of that prefix."""
        self._numbers = getattr(self, "_numbers", {})
        self._numbers[prefix] = self._numbers.get(prefix, 0) + 1
        return f"{prefix}{self._numbers[prefix]:0{width}}"

    def unlink(self, model: str, ids: Sequence[int]) -> bool:
        if model == "sale.order.line":
            for line in self.rows(model, ids):
                if self.row("sale.order", line["order_id"])["state"] in ("sale", "done"):
                    raise user_error(
                        "You can not remove an order line once the sales order is confirmed."
                    )
        return super().unlink(model, ids)

    def write(self, model: str, ids: Sequence[int], vals: Mapping[str, Any]) -> bool:
        if model == "stock.move" and "product_uom_qty" in vals:
            for move in self.rows(model, ids):
                if move["state"] in ("done", "cancel"):
                    raise user_error("You cannot change a move that is done or cancelled.")
        super().write(model, ids, vals)
        if model == "stock.move":
            self.put(
                "stock.picking",
                {m["picking_id"] for m in self.rows(model, ids) if m["picking_id"]},
                {},
            )
        return True

    # -- buttons --------------------------------------------------------------------------------

    def sale_order__action_confirm(self, ids: Sequence[int], **_: Any) -> bool:
        """Confirm quotations: goods get a delivery, which reserves what is there."""
        for order in self.rows("sale.order", ids):
            if order["state"] not in ("draft", "sent"):
                raise user_error(
                    "It is not allowed to confirm an order in the following states: sale, cancel"
                )
            lines = self.rows(
                "sale.order.line", self.children("sale.order", order["id"], "order_line")
            )
            now = datetime.now(UTC).replace(tzinfo=None)
            self.put("sale.order", [order["id"]], {"state": "sale", "date_order": now})
            moves = {x["id"]: x["product_uom_qty"] for x in lines if self.goods(x)}
            if moves:
                self.delivery(order["id"], moves)
        return True

    def delivery(self, order: int, quantities: Mapping[int, Decimal], backorder: int = 0) -> int:
        """A delivery of these quantities by order line."""
        sale = self.row("sale.order", order)
        kind = self.row("stock.warehouse", sale["warehouse_id"])["out_type_id"]
        picking = self.new(
            "stock.picking",
            {
                "name": self.number("WH/OUT/"),
                "state": "assigned",
                "origin": sale["name"],
                "partner_id": sale["partner_id"],
                "picking_type_id": kind,
                "sale_id": order,
                "backorder_id": backorder or False,
            },
        )
        for line, quantity in quantities.items():
            self.new(
                "stock.move",
                {
                    "picking_id": picking,
                    "product_id": self.row("sale.order.line", line)["product_id"],
                    "product_uom_qty": quantity,
                    "state": "assigned",
                    "sale_line_id": line,
                },
            )
        return picking

    def sale_order__action_cancel(
        self, ids: Sequence[int], context: Mapping[str, Any] | None = None, **_: Any
    ) -> Any:
        """Cancel orders, open deliveries and draft invoices; asks first, as the screen does."""
        for order in self.rows("sale.order", ids):
            asks = not (context or {}).get("disable_cancel_warning")
            if order["state"] != "draft" and asks:
                return {"type": "ir.actions.act_window", "res_model": "sale.order.cancel"}
            pickings = self.rows(
                "stock.picking", self.children("sale.order", order["id"], "picking_ids")
            )
            self.stock_picking__action_cancel(
                [one["id"] for one in pickings if one["state"] != "done"]
            )
            for ident in self.value("sale.order", order, "invoice_ids", {}):
                if self.row("account.move", ident)["state"] == "draft":
                    self.put("account.move", [ident], {"state": "cancel"})
            self.put("sale.order", [order["id"]], {"state": "cancel"})
        return True

    def stock_picking__action_cancel(self, ids: Sequence[int], **_: Any) -> bool:
        """Cancel transfers. Raises for what is done."""
        for picking in self.rows("stock.picking", ids):
            if picking["state"] == "done":
                raise user_error("You cannot cancel a transfer that has been set to 'Done'.")
            moves = self.children("stock.picking", picking["id"], "move_ids")
            self.put("stock.move", moves, {"state": "cancel"})
            self.put("stock.picking", [picking["id"]], {"state": "cancel"})
        return True

    def stock_picking__action_confirm(self, ids: Sequence[int], **_: Any) -> bool:
        """Mark drafts as to do."""
        for picking in self.rows("stock.picking", ids):
            moves = self.children("stock.picking", picking["id"], "move_ids")
            self.put("stock.move", moves, {"state": "assigned"})
            self.put("stock.picking", [picking["id"]], {"state": "assigned"})
        return True

    def transfer(self, picking: int, quantities: Mapping[int, Decimal] | None = None) -> int | None:
        """Validate a transfer, with a back order for the rest. Gives the back order's id.

        `quantities` by move; all of it when None.
        """
        now = datetime.now(UTC).replace(tzinfo=None)
        rest: dict[int, Decimal] = {}
        row = self.row("stock.picking", picking)
        for move in self.rows("stock.move", self.children("stock.picking", picking, "move_ids")):
            if move["state"] in ("done", "cancel"):
                continue
            wanted = move["product_uom_qty"]
            done = wanted if quantities is None else min(wanted, quantities.get(move["id"], ZERO))
            if done < wanted:
                rest[move["sale_line_id"]] = wanted - done
            state = "done" if done else "cancel"
            facts = {self.done_field: done, "product_uom_qty": done, "state": state, "date": now}
            self.put("stock.move", [move["id"]], facts)
            back = bool(move["origin_returned_move_id"])
            product = self.row("product.product", move["product_id"])
            level = product["qty_available"] + (done if back else -done)
            self.put("product.product", [product["id"]], {"qty_available": level})
        self.put("stock.picking", [picking], {"state": "done", "date_done": now})
        if rest and row["sale_id"]:
            return self.delivery(row["sale_id"], rest, backorder=picking)
        return None
