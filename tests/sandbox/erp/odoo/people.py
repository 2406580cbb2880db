"""What the ERP's people do in an Odoo, at a test's command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.sandbox.erp.hands import Box
from tests.sandbox.erp.odoo.api import OdooDouble
from tests.sandbox.erp.odoo.seed import account_id, add_tax
from tests.sandbox.erp.odoo.trade import ZERO


class OdooPeople:
    """Orders are named by their id as text, as everywhere outside Odoo."""

    def __init__(self, odoo: OdooDouble) -> None:
        self.odoo = odoo
        self._locked: list[Any] = []

    def _company(self) -> dict[str, Any]:
        return next(iter(self.odoo.tables["res.company"].values()))

    def _open(self, ref: str) -> list[int]:
        pickings = self.odoo.children("sale.order", int(ref), "picking_ids")
        rows = self.odoo.rows("stock.picking", pickings)
        return [one["id"] for one in rows if one["state"] not in ("done", "cancel")]

    def send_quotation(self, key: str) -> None:
        """Mail it to the customer: a quotation sent."""
        ids = self.odoo.search("sale.order", [["origin", "=", key]])
        self.odoo.put("sale.order", ids, {"state": "sent"})

    def pick(self, ref: str) -> None:
        """Take the goods off the shelf, and no more."""
        with self.odoo.transaction():
            for picking in self._open(ref):
                for move in self.odoo.children("stock.picking", picking, "move_ids"):
                    row = self.odoo.row("stock.move", move)
                    done: dict[str, Any] = {self.odoo.done_field: row["product_uom_qty"]}
                    if self.odoo.series >= 17:
                        done["picked"] = True
                    self.odoo.write("stock.move", [move], done)

    def ship(
        self,
        ref: str,
        quantities: Mapping[str, Decimal] | None = None,
        *,
        carrier: str = "",
        boxes: Sequence[Box] = (),
    ) -> None:
        """Send the order out, or these quantities by SKU; the rest waits on a back order."""
        with self.odoo.transaction():
            wanted = dict(quantities or {})
            for picking in self._open(ref):
                shares: dict[int, Decimal] = {}
                for ident in self.odoo.children("stock.picking", picking, "move_ids"):
                    move = self.odoo.row("stock.move", ident)
                    sku = self.odoo.row("product.product", move["product_id"])["default_code"]
                    shares[ident] = min(move["product_uom_qty"], wanted.get(sku, ZERO))
                    wanted[sku] = wanted.get(sku, ZERO) - shares[ident]
                facts: dict[str, Any] = {}
                if carrier:
                    (facts["carrier_id"],) = self.odoo.search(
                        "delivery.carrier", [["name", "=", carrier]]
                    )
                if boxes:
                    facts["carrier_tracking_ref"] = ",".join(box.tracking for box in boxes)
                self.odoo.put("stock.picking", [picking], facts)
                self.odoo.transfer(picking, shares if quantities is not None else None)

    def receive(self, ref: str) -> None:
        """Take returned goods in; they are stock again."""
        with self.odoo.transaction():
            self.odoo.transfer(int(ref))

    def count_stock(self, levels: Mapping[str, int]) -> None:
        """Make the levels what was counted, by a movement each."""
        with self.odoo.transaction():
            for sku, level in levels.items():
                (ident,) = self.odoo.search("product.product", [["default_code", "=", sku]])
                self.odoo.put("product.product", [ident], {"qty_available": level})
                self.odoo.new("stock.move", {"product_id": ident, "state": "done"})

    def retire(self, sku: str) -> None:
        """Archive an item."""
        ids = self.odoo.search("product.product", [["default_code", "=", sku]])
        self.odoo.put("product.product", ids, {"active": False})

    # -- the desk -------------------------------------------------------------------------------

    def post_invoices(self, ref: str, on: date | None = None) -> None:
        """Invoice what is to be invoiced and post it, when there is anything."""
        odoo = self.odoo
        with odoo.transaction():
            order = odoo.row("sale.order", int(ref))
            if order["state"] != "sale":
                return
            lines = []
            for line in odoo.rows(
                "sale.order.line", odoo.children("sale.order", order["id"], "order_line")
            ):
                due = odoo.to_invoice(line)
                if due:
                    lines.append(self._invoice_line(line, due))
            if lines:
                self._invoice(order, lines, on or datetime.now(UTC).date())

    def _invoice_line(self, line: Mapping[str, Any], quantity: Decimal) -> list[Any]:
        taxes = line[self.odoo.taxes_field]
        values = {
            "name": line["name"],
            "product_id": line["product_id"],
            "quantity": quantity,
            "price_unit": line["price_unit"],
            "tax_ids": [[6, 0, taxes]],
            "sale_line_ids": [[6, 0, [line["id"]]]],
        }
        return [0, 0, values]

    def _invoice(self, order: Mapping[str, Any], lines: list[Any], day: date) -> int:
        values = {
            "move_type": "out_invoice",
            "partner_id": order["partner_id"],
            "ref": order["client_order_ref"],
            "invoice_origin": order["name"],
            "invoice_date": day.isoformat(),
            "date": day.isoformat(),
            "invoice_line_ids": lines,
        }
        (invoice,) = self.odoo.create("account.move", [values])
        self.odoo.account_move__action_post([invoice])
        return invoice

    def reword_invoice(self, ref: str, words: str) -> None:
        """Edit the words of a posted invoice."""
        self.odoo.put("account.move", [int(ref)], {"narration": words})

    def replace_invoice(self, ref: str, extra: Decimal) -> None:
        """Cancel a posted invoice and post another that costs `extra` more."""
        odoo = self.odoo
        with odoo.transaction():
            old = odoo.row("account.move", int(ref))
            lines = odoo.rows(
                "account.move.line", odoo.children("account.move", int(ref), "invoice_line_ids")
            )
            odoo.put("account.move", [int(ref)], {"state": "cancel"})
            fresh = [
                self._invoice_line(
                    odoo.row("sale.order.line", x["sale_line_ids"][0]), x["quantity"]
                )
                for x in lines
            ]
            fresh[0][2]["price_unit"] = Decimal(fresh[0][2]["price_unit"]) + extra
            order = odoo.row(
                "sale.order", odoo.row("sale.order.line", lines[0]["sale_line_ids"][0])["order_id"]
            )
            self._invoice(order, fresh, date.fromisoformat(old["date"]))

    def book_by_hand(self, debit: str, credit: str, amount: Decimal, words: str) -> None:
        """Post an entry of their own."""
        with self.odoo.transaction():
            lines = [
                [0, 0, {"account_id": account_id(self.odoo, code), "name": words, side: amount}]
                for code, side in ((debit, "debit"), (credit, "credit"))
            ]
            today = datetime.now(UTC).date().isoformat()
            values = {"ref": words, "date": today, "line_ids": lines}
            self.odoo.account_move__action_post(self.odoo.create("account.move", [values]))

    def add_tax(self, code: str, rate: Decimal) -> None:
        """A new sales tax."""
        add_tax(self.odoo, code, rate * 100)

    def retire_tax(self, code: str) -> None:
        """Archive a tax."""
        ids = self.odoo.search("account.tax", [["name", "=", code]])
        self.odoo.put("account.tax", ids, {"active": False})

    def delete_tax(self, code: str) -> None:
        """Delete a tax nobody has used."""
        self.odoo.drop("account.tax", self.odoo.search("account.tax", [["name", "=", code]]))

    def close_period(self, day: date) -> None:
        """Set the lock date to the end of that day's month."""
        after = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        self._locked.append(self._company()["fiscalyear_lock_date"])
        last = (after - timedelta(days=1)).isoformat()
        self.odoo.put("res.company", [self._company()["id"]], {"fiscalyear_lock_date": last})

    def reopen_period(self, day: date) -> None:
        """Take the lock date back to where it was."""
        before = self._locked.pop()
        self.odoo.put("res.company", [self._company()["id"]], {"fiscalyear_lock_date": before})

    # -- the witness ----------------------------------------------------------------------------

    def sales(self, key: str) -> list[tuple[str, Decimal]]:
        """State and total of every order under the key."""
        orders = self.odoo.rows(
            "sale.order", self.odoo.search("sale.order", [["origin", "=", key]])
        )
        return [
            (one["state"], self.odoo.value("sale.order", one, "amount_total", {})) for one in orders
        ]

    def entries(self, key: str) -> int:
        """How many posted entries carry the key."""
        return len(self.odoo.search("account.move", [["ref", "=", key], ["state", "=", "posted"]]))
