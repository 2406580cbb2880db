"""The ERP's people, at a test's command: what they do at the packing table and at the desk.

Nothing here goes through the product. Sales are named by their id in the ERP, as text or number.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.sandbox.erp.launcher import Tryton
from tests.sandbox.erp.rpc import Rpc, RpcError

_OUT, _BACK = "stock.shipment.out", "stock.shipment.out.return"
_INVOICE = "account.invoice"
_LINES_AN_INVENTORY = 300


@dataclass(frozen=True)
class Box:
    """A parcel: its tracking number, and how many of which item are in it."""

    tracking: str
    quantities: Mapping[str, Decimal] = field(default_factory=dict)


class Hands:
    """`staff` ships and keeps the books, `admin` changes the set-up. Close it at the end."""

    def __init__(self, erp: Tryton) -> None:
        self.staff: Rpc = erp.rpc("staff")
        self.admin: Rpc = erp.rpc("admin")
        self.ids: dict[str, Any] = erp.info["ids"]

    def close(self) -> None:
        """Give both connections back."""
        self.staff.close()
        self.admin.close()

    # -- the warehouse --------------------------------------------------------------------------

    def open_shipments(self, sale: str | int) -> list[int]:
        """The sale's shipments that have not left."""
        (row,) = self.staff.read("sale.sale", [("id", "=", int(sale))], ["shipments.state"])
        still = {"draft", "waiting", "assigned", "picked", "packed"}
        return [one["id"] for one in row["shipments."] if one["state"] in still]

    def pick(self, sale: str | int) -> None:
        """Take the goods off the shelf, and no more."""
        for button in ("assign_try", "pick"):
            self._press(button, self.open_shipments(sale))

    def ship(
        self,
        sale: str | int,
        quantities: Mapping[str, Decimal] | None = None,
        *,
        carrier: str = "",
        boxes: Sequence[Box] = (),
    ) -> list[int]:
        """Send out all of the sale, or these quantities by SKU; the rest waits in a new shipment.

        Returns the shipments that left.
        """
        shipments = self.open_shipments(sale)
        if carrier:
            values = {"carrier": self.ids["carriers"][carrier]}
            self.staff.call(f"model.{_OUT}.write", shipments, values)
        if quantities is not None:
            self._leave_behind(shipments, quantities)
        self._press("assign_try", shipments)
        self._press("pick", shipments)
        for box in boxes:
            self._pack(shipments, box)
        self._press("pack", shipments)
        self._press("do", shipments)
        return shipments

    def write_reference(self, shipment: int, text: str) -> None:
        """Write into a shipment's free text."""
        self.staff.call(f"model.{_OUT}.write", [shipment], {"reference": text})

    def receive(self, shipment_return: str | int, *, restock: bool = True) -> None:
        """Take goods in that come back, and put them on the shelf."""
        buttons = ("receive", "do") if restock else ("receive",)
        for button in buttons:
            self.staff.call(f"model.{_BACK}.{button}", [int(shipment_return)])

    def count_stock(self, levels: Mapping[str, int | Decimal]) -> None:
        """Count these items: their levels become what is given. About 12 ms an item."""
        skus = sorted(levels)
        for start in range(0, len(skus), _LINES_AN_INVENTORY):
            chunk = skus[start : start + _LINES_AN_INVENTORY]
            rows = self.staff.read("product.product", [("code", "in", chunk)], ["code"])
            lines = [{"product": r["id"], "quantity": float(levels[r["code"]])} for r in rows]
            inventory = self.staff.create(
                "stock.inventory",
                {
                    "location": self.ids["storage"],
                    "date": datetime.datetime.now(datetime.UTC).date(),
                    "company": self.ids["company"],
                    "lines": [("create", lines)],
                },
            )
            self.staff.call("model.stock.inventory.confirm", inventory)

    def retire_item(self, sku: str) -> None:
        """Take an item out of use, whatever stock there is of it."""
        products = self.admin.find("product.product", [("code", "=", sku)])
        self._insist("model.product.product.write", products, {"active": False})

    # -- the desk -------------------------------------------------------------------------------

    def post_invoices(self, sales: Iterable[str | int], on: datetime.date | None = None) -> int:
        """Post what is to be invoiced of these sales, booked on that day. Returns how many."""
        ids = [int(sale) for sale in sales]
        drafts = self.staff.find(_INVOICE, [("sales", "in", ids), ("state", "=", "draft")])
        if drafts and on is not None:
            self.staff.call(f"model.{_INVOICE}.write", drafts, {"accounting_date": on})
        if drafts:
            self.staff.call(f"model.{_INVOICE}.post", drafts)
        return len(drafts)

    def reword_invoice(self, invoice: str | int, words: str) -> None:
        """Edit a posted invoice as far as the ERP lets people: its words, by the accountant."""
        self.admin.call(f"model.{_INVOICE}.write", [int(invoice)], {"description": words})

    def cancel_invoice(self, invoice: str | int) -> None:
        """Take a posted invoice back; the ERP books the opposite.

        What is settled it lets nobody take back: the settling is undone first.
        """
        (row,) = self.admin.read(
            _INVOICE,
            [("id", "=", int(invoice))],
            ["state", "lines_to_pay.reconciliation"],
        )
        if row["state"] == "paid":
            marks = {line["reconciliation"] for line in row["lines_to_pay."]} - {None}
            self._insist("model.account.move.reconciliation.delete", sorted(marks))
        self._insist(f"model.{_INVOICE}.cancel", [int(invoice)])

    def replace_invoice(self, invoice: str | int, extra: Decimal) -> int:
        """Cancel a posted invoice and post another whose first line's price is `extra` higher.

        This is what "edited after posting" is in an ERP that keeps its books closed. Returns the
        new invoice.
        """
        return self.replace_first_line(
            invoice, lambda line: {"unit_price": line["unit_price"] + extra}
        )

    def replace_first_line(
        self,
        invoice: str | int,
        change: Callable[[Mapping[str, Any]], dict[str, Any] | None],
    ) -> int:
        """Cancel a posted invoice and post another, with other values or nothing in its first line.

        `change` is given that line's unit_price and taxes. Returns the new invoice.
        """
        self.cancel_invoice(invoice)
        (fresh,) = self._drafts_again(invoice)
        fields = ["unit_price", "taxes"]
        (line,) = self.staff.read(
            "account.invoice.line", [("invoice", "=", fresh)], fields, limit=1
        )
        values = change(line)
        lines = ("delete", [line["id"]]) if values is None else ("write", [line["id"]], values)
        return self._post_draft(fresh, {"lines": [lines]})

    def post_again(self, invoice: str | int) -> list[int]:
        """Post what a cancelled invoice was for, once more. Returns the new invoices."""
        return [self._post_draft(one, {}) for one in self._drafts_again(invoice)]

    def double_invoice(self, invoice: str | int) -> int:
        """Post a copy of a posted invoice, for the same sale. Returns the new invoice."""
        (fresh,) = self.staff.call(f"model.{_INVOICE}.copy", [int(invoice)], {})
        old, new = (
            self.staff.read("account.invoice.line", [("invoice", "=", one)], ["origin"])
            for one in (int(invoice), fresh)
        )
        # A copy forgets what it was made from.
        lines = [
            ("write", [line["id"]], {"origin": like["origin"]})
            for like, line in zip(old, new, strict=True)
        ]
        return self._post_draft(fresh, {"lines": lines})

    def _post_draft(self, invoice: int, values: dict[str, Any]) -> int:
        if values:
            self.staff.call(f"model.{_INVOICE}.write", [invoice], values)
        self.staff.call(f"model.{_INVOICE}.post", [invoice])
        return invoice

    def _drafts_again(self, invoice: str | int) -> list[int]:
        """Drafts of what was cancelled, and of what it lacked, made by its sale."""
        (row,) = self.staff.read(_INVOICE, [("id", "=", int(invoice))], ["sales"])
        (sale,) = row["sales"]
        self._recreate(sale)
        return self.staff.find(_INVOICE, [("sales", "=", sale), ("state", "=", "draft")])

    def _recreate(self, sale: int) -> None:
        wizard = "wizard.sale.handle.invoice.exception"
        usual = self.staff.context
        about = {"active_model": "sale.sale", "active_id": sale, "active_ids": [sale]}
        self.staff.context = {**usual, **about}
        try:
            session, *_ = self.staff.call(f"{wizard}.create")
            shown = self.staff.call(f"{wizard}.execute", session, {}, "ask")
            found = shown["view"]["defaults"]["domain_invoices"]
            answer = {
                "domain_invoices": found,
                "recreate_invoices": found,
                "ignore_invoices": [],
            }
            self.staff.call(f"{wizard}.execute", session, {"ask": answer}, "handle")
            self.staff.call(f"{wizard}.delete", session)
        finally:
            self.staff.context = usual

    def book_by_hand(self, debit: str, credit: str, amount: Decimal, words: str) -> int:
        """Post a journal entry that the product knows nothing of, today. Returns its id."""
        today = datetime.datetime.now(datetime.UTC).date()
        period = self.staff.one(
            "account.period",
            [("start_date", "<=", today), ("end_date", ">=", today), ("type", "=", "standard")],
        )

        def account(code: str) -> int:
            return self.staff.one("account.account", [("code", "=", code), ("type", "!=", None)])

        nothing = Decimal(0)
        (move,) = self.staff.create(
            "account.move",
            {
                "company": self.ids["company"],
                "journal": self.ids["journal"],
                "period": period,
                "date": today,
                "description": words,
                "lines": [
                    (
                        "create",
                        [
                            {"account": account(debit), "debit": amount, "credit": nothing},
                            {"account": account(credit), "debit": nothing, "credit": amount},
                        ],
                    )
                ],
            },
        )
        self.staff.call("model.account.move.post", [move])
        return move

    # -- the set-up -----------------------------------------------------------------------------

    def add_tax(self, code: str, rate: Decimal) -> None:
        """A new tax code, booked as the standard one is."""
        account = self.admin.one("account.account", [("code", "=", "2.2.3")])
        self.admin.create(
            "account.tax",
            {
                "name": code,
                "description": code,
                "type": "percentage",
                "rate": rate,
                "company": self.ids["company"],
                "invoice_account": account,
                "credit_note_account": account,
            },
        )

    def add_tax_of(self, code: str, rates: Sequence[Decimal]) -> None:
        """A new tax code of several components, each computed and rounded for itself."""
        account = self.admin.one("account.account", [("code", "=", "2.2.3")])
        own = {"company": self.ids["company"]}
        booked = {"invoice_account": account, "credit_note_account": account, **own}
        parts = []
        for number, rate in enumerate(rates, 1):
            named = {"name": f"{code} {rate}", "description": f"{code} {rate}"}
            kind = {"type": "percentage", "rate": rate, "sequence": number}
            parts.append({**named, **kind, **booked})
        whole = {"name": code, "description": code, "type": "none", **own}
        self.admin.create("account.tax", {**whole, "childs": [("create", parts)]})

    def round_tax(self, level: str) -> None:
        """Round tax per "line" or per "document" from now on."""
        (configuration,) = self.admin.find("account.configuration", [], None, 1)
        values = {"tax_rounding": level}
        self.admin.call("model.account.configuration.write", [configuration], values)

    def retire_tax(self, code: str) -> None:
        """Make a tax code inactive: what one does with a code that documents name."""
        self.admin.call("model.account.tax.write", self._tax(code), {"active": False})

    def delete_tax(self, code: str) -> None:
        """Delete a tax code for good. Raises RpcError once a document names it."""
        self.admin.call("model.account.tax.delete", self._tax(code))

    def close_period(self, day: datetime.date) -> None:
        """Close the accounting period of that day; nothing happens when it is closed."""
        if periods := self._periods(day, "open"):
            self._insist("model.account.period.close", periods)

    def reopen_period(self, day: datetime.date) -> None:
        """Open it again."""
        if periods := self._periods(day, "closed"):
            self.admin.call("model.account.period.reopen", periods)

    # -- inside ---------------------------------------------------------------------------------

    def _tax(self, code: str) -> list[int]:
        known = [("description", "=", code), ("active", "in", [True, False])]
        return self.admin.find("account.tax", known)

    def _periods(self, day: datetime.date, state: str) -> list[int]:
        within = [("start_date", "<=", day), ("end_date", ">=", day), ("state", "=", state)]
        return self.admin.find("account.period", within)

    def _press(self, button: str, shipments: list[int]) -> None:
        state = {"assign_try": "waiting", "pick": "assigned", "pack": "picked", "do": "packed"}
        here = [("id", "in", shipments), ("state", "=", state[button])]
        if at_hand := self.staff.find(_OUT, here):
            self.staff.call(f"model.{_OUT}.{button}", at_hand)

    def _leave_behind(self, shipments: list[int], quantities: Mapping[str, Decimal]) -> None:
        """Pick only these: the ERP then makes another shipment of the rest."""
        self._back_to_waiting(shipments)
        rows = self.staff.read(
            _OUT,
            [("id", "in", shipments)],
            ["inventory_moves.product.code", "inventory_moves.quantity"],
        )
        wanted = dict(quantities)
        for move in [move for row in rows for move in row["inventory_moves."]]:
            sku, there = move["product."]["code"], Decimal(str(move["quantity"]))
            share = min(there, wanted.get(sku, Decimal(0)))
            wanted[sku] = wanted.get(sku, Decimal(0)) - share
            if share != there:
                values = {"quantity": float(share)}
                self.staff.call("model.stock.move.write", [move["id"]], values)

    def _back_to_waiting(self, shipments: list[int]) -> None:
        here = [("id", "in", shipments), ("state", "=", "assigned")]
        if assigned := self.staff.find(_OUT, here):
            self.staff.call(f"model.{_OUT}.wait", assigned)

    def _pack(self, shipments: list[int], box: Box) -> None:
        """A box of its own for these. The ERP wants every outgoing move wholly in one box."""
        (shipment,) = self.staff.read(
            _OUT,
            [("id", "in", shipments)],
            ["outgoing_moves.product.code", "outgoing_moves.quantity", "outgoing_moves.package"],
        )
        moves: list[int] = []
        for move in shipment["outgoing_moves."]:
            wanted = box.quantities.get(move["product."]["code"], Decimal(0))
            there = Decimal(str(move["quantity"]))
            if move["package"] or not wanted or not there:
                continue
            if wanted < there:
                values = {"quantity": float(there - wanted)}
                moves += self.staff.call(
                    "model.stock.move.copy", [move["id"]], {"quantity": float(wanted)}
                )
                self.staff.call("model.stock.move.write", [move["id"]], values)
            else:
                moves.append(move["id"])
        self.staff.create(
            "stock.package",
            {
                "type": self.ids["package_type"],
                "company": self.ids["company"],
                "shipment": f"{_OUT},{shipment['id']}",
                "shipping_reference": box.tracking,
                "moves": [("add", moves)],
            },
        )

    def _insist(self, method: str, *arguments: Any) -> None:
        """Do it, warnings or not."""
        while True:
            try:
                self.admin.call(method, *arguments)
            except RpcError as error:
                match error.args:
                    case [_, "UserWarning", [name, *_]]:
                        self.admin.call("model.res.user.warning.skip", name, False)
                        continue
                raise
            return
