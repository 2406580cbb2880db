"""Invoices, entries, taxes and settlement as an Odoo keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.sandbox.erp.odoo.orm import Record, user_error
from tests.sandbox.erp.odoo.trade import ZERO, Trade, rounded

_OF_THE_MOVE = {
    "date": "date",
    "journal_id": "journal_id",
    "parent_state": "state",
    "move_name": "name",
    "ref": "ref",
}


class Books(Trade):
    def value(self, model: str, record: Record, name: str, context: Mapping[str, Any]) -> Any:
        if model == "account.move.line":
            if name in _OF_THE_MOVE:
                return self.row("account.move", record["move_id"])[_OF_THE_MOVE[name]]
            if name == "balance":
                return record["debit"] - record["credit"]
            if name == "reconciled":
                return bool(record["full_reconcile_id"])
        if model == "account.move" and name.startswith("amount_"):
            lines = self.rows(
                "account.move.line", self.children(model, record["id"], "invoice_line_ids")
            )
            net = sum((line["price_subtotal"] for line in lines), ZERO)
            gross = sum((line["price_total"] for line in lines), ZERO)
            return {"amount_untaxed": net, "amount_tax": gross - net}.get(name, gross)
        return super().value(model, record, name, context)

    def children(self, model: str, ident: int, name: str) -> list[int]:
        found = super().children(model, ident, name)
        if name == "invoice_line_ids":
            lines = self.tables["account.move.line"]
            return [one for one in found if lines[one]["display_type"] == "product"]
        return found

    # -- writing --------------------------------------------------------------------------------

    def create(self, model: str, vals_list: Sequence[Mapping[str, Any]]) -> list[int]:
        if model == "account.move":
            ids = [self._new_move(values) for values in vals_list]
            self._sync(ids)
            return ids
        if model == "account.move.line":
            usual = {"display_type": "product"}
            ids = [self.new(model, {**usual, **values}) for values in vals_list]
            self._sync({self.row(model, ident)["move_id"] for ident in ids})
            return ids
        return super().create(model, vals_list)

    def _new_move(self, values: Mapping[str, Any]) -> int:
        company = next(iter(self.tables["res.company"].values()))
        kind = values.get("move_type", "entry")
        wanted = "sale" if kind.startswith("out_") else "general"
        journals = [j for j in self.tables["account.journal"].values() if j["type"] == wanted]
        usual = {
            "move_type": kind,
            "state": "draft",
            "payment_state": "not_paid",
            "name": "/",
            "company_id": company["id"],
            "currency_id": company["currency_id"],
            "journal_id": journals[0]["id"],
        }
        return self.new("account.move", {**usual, **values})

    def write(self, model: str, ids: Sequence[int], vals: Mapping[str, Any]) -> bool:
        if model == "account.move" and {"line_ids", "invoice_line_ids", "date"} & set(vals):
            for move in self.rows(model, ids):
                if move["state"] == "posted":
                    raise user_error("You cannot modify a posted entry of this journal.")
        super().write(model, ids, vals)
        if model == "account.move":
            self._sync(ids)
        return True

    def unlink(self, model: str, ids: Sequence[int]) -> bool:
        if model == "account.move":
            for move in self.rows(model, ids):
                if move["state"] == "posted":
                    raise user_error("You cannot delete a posted journal entry.")
        return super().unlink(model, ids)

    def _sync(self, ids: Any) -> None:
        """The taxes and the receivable follow the lines of a draft invoice."""
        for move in self.rows("account.move", ids):
            if move["move_type"] == "entry" or move["state"] != "draft":
                continue
            sign = -1 if move["move_type"] == "out_invoice" else 1
            lines = self.rows(
                "account.move.line", super().children("account.move", move["id"], "line_ids")
            )
            self.drop(
                "account.move.line", [x["id"] for x in lines if x["display_type"] != "product"]
            )
            taxes: dict[int, list[Decimal]] = {}
            gross = ZERO
            for line in [x for x in lines if x["display_type"] == "product"]:
                gross += self._price(move, line, sign, taxes)
            for tax, (base, amount) in taxes.items():
                if amount:
                    self._dynamic(move, "tax", self._tax_account(tax), sign * amount, tax, base)
            if gross:
                receivable = next(
                    a["id"] for a in self.tables["account.account"].values()
                    if a["account_type"] == "asset_receivable"
                )  # fmt: skip
                self._dynamic(move, "payment_term", receivable, -sign * gross)

    def _price(
        self, move: Record, line: Record, sign: int, taxes: dict[int, list[Decimal]]
    ) -> Decimal:
        net = rounded(line["quantity"] * line["price_unit"])
        tax = self.tax_of(net, line["tax_ids"])
        account = line["account_id"] or (
            line["product_id"]
            and self.row("product.product", line["product_id"])["property_account_income_id"]
        )
        amount = sign * net
        line.update(
            price_subtotal=net,
            price_total=net + tax,
            account_id=account,
            partner_id=move["partner_id"],
            debit=max(amount, ZERO),
            credit=max(-amount, ZERO),
        )
        for ident in line["tax_ids"]:
            sums = taxes.setdefault(ident, [ZERO, ZERO])
            sums[0] += net
            sums[1] += self.tax_of(net, [ident])
        return net + tax

    def _tax_account(self, tax: int) -> int:
        for line in self.tables["account.tax.repartition.line"].values():
            if line["tax_id"] == tax and line["repartition_type"] == "tax":
                return int(line["account_id"])
        raise user_error("The tax has no account.")

    def _dynamic(
        self,
        move: Record,
        kind: str,
        account: int,
        amount: Decimal,
        tax: int | bool = False,
        base: Decimal = ZERO,
    ) -> None:
        self.new(
            "account.move.line",
            {
                "move_id": move["id"],
                "display_type": kind,
                "account_id": account,
                "partner_id": move["partner_id"],
                "debit": max(amount, ZERO),
                "credit": max(-amount, ZERO),
                "tax_line_id": tax,
                "tax_base_amount": base,
            },
        )

    # -- buttons --------------------------------------------------------------------------------

    def account_move__action_post(self, ids: Sequence[int], **_: Any) -> bool:
        """Post drafts. Raises when unbalanced, or dated in a locked time."""
        company = next(iter(self.tables["res.company"].values()))
        for move in self.rows("account.move", ids):
            if move["state"] != "draft":
                raise user_error("The entry is not in draft.")
            day = move["date"] or move["invoice_date"]
            lock = company["fiscalyear_lock_date"]
            if lock and day <= lock:
                raise user_error(
                    f"You cannot add/modify entries prior to and inclusive of the lock date {lock}."
                )
            lines = self.rows(
                "account.move.line", self.children("account.move", move["id"], "line_ids")
            )
            if not lines:
                raise user_error("You need to add a line before posting.")
            if sum(x["debit"] for x in lines) != sum(x["credit"] for x in lines):
                raise user_error("An entry must be balanced.")
            code = self.row("account.journal", move["journal_id"])["code"]
            prefix = ("R" if move["move_type"] == "out_refund" else "") + f"{code}/{day[:4]}/"
            name = self.number(prefix)
            self.put("account.move", [move["id"]], {"state": "posted", "name": name, "date": day})
            self.put("account.move.line", [x["id"] for x in lines], {})
        return True

    def account_move_line__reconcile(self, ids: Sequence[int], **_: Any) -> bool:
        """Settle lines of one account that add up to nothing."""
        lines = self.rows("account.move.line", ids)
        if len({line["account_id"] for line in lines}) != 1:
            raise user_error("Entries are not from the same account.")
        if not self.row("account.account", lines[0]["account_id"])["reconcile"]:
            raise user_error("The account does not allow reconciliation.")
        if any(line["full_reconcile_id"] for line in lines):
            raise user_error(
                "You are trying to reconcile some entries that are already reconciled."
            )
        if sum(line["debit"] - line["credit"] for line in lines):
            raise user_error("This double settles in full only.")
        full = self.new("account.full.reconcile", {})
        facts = {"full_reconcile_id": full, "matching_number": str(full)}
        self.put("account.move.line", ids, facts)
        for ident in {line["move_id"] for line in lines}:
            move = self.row("account.move", ident)
            if move["move_type"].startswith("out_"):
                self.put("account.move", [ident], {"payment_state": "paid"})
        return True

    def grouped(
        self, domain: Sequence[Any], by: Sequence[str], context: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """Sums of the balances of ledger lines."""
        sums: dict[tuple[int, ...], Decimal] = {}
        for line in self.rows("account.move.line", self.search("account.move.line", domain)):
            key = tuple(line[name] for name in by)
            sums[key] = sums.get(key, ZERO) + line["debit"] - line["credit"]
        return [{**dict(zip(by, key, strict=True)), "balance": n} for key, n in sums.items()]
