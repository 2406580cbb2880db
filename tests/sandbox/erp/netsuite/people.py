"""The people of the account: warehouse, accountants, and a witness of what is really there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import date
from decimal import Decimal
from functools import wraps
from typing import Any, TypeVar

from tests.sandbox.erp.netsuite.api import NetSuiteDouble
from tests.sandbox.erp.netsuite.store import ZERO, Row, rounded

Result = TypeVar("Result")


def _alone(deed: Callable[..., Result]) -> Callable[..., Result]:
    """Nobody else is served meanwhile; what fails changes nothing."""

    @wraps(deed)
    def done(self: NetSuitePeople, *args: Any, **named: Any) -> Result:
        with self.erp.whole():
            return deed(self, *args, **named)

    return done


class NetSuitePeople:
    """They do what is theirs to do, in the pages of the account."""

    def __init__(self, erp: NetSuiteDouble) -> None:
        self.erp = erp

    def _item(self, name: str) -> Row:
        return self.erp.one("item", itemid=name)

    # -- the warehouse --------------------------------------------------------------------------

    @_alone
    def pick(self, ref: str) -> None:
        """Pick all of an order."""
        order = self.erp.transactions[int(ref)]
        self.erp.pick(order, self._left(order))

    def _left(self, order: Row) -> dict[int, Decimal]:
        return {
            line["id"]: line["quantity"] - line["fulfilled"]
            for line in order["lines"]
            if self.erp.stocked(line) and not line["isclosed"]
        }

    @_alone
    def ship(
        self,
        ref: str,
        quantities: Mapping[str, Decimal] | None = None,
        *,
        carrier: str = "",
        boxes: Sequence[str] = (),
    ) -> None:
        """Ship an order, or these quantities of it by item; `boxes` are tracking numbers."""
        order = self.erp.transactions[int(ref)]
        shares = self._left(order)
        if quantities is not None:
            wanted = {self._item(name)["id"]: amount for name, amount in quantities.items()}
            for line in order["lines"]:
                if line["id"] in shares:
                    share = min(shares[line["id"]], wanted.get(line["item"], ZERO))
                    shares[line["id"]] = share
                    wanted[line["item"]] = wanted.get(line["item"], ZERO) - share
        method = self.erp.one("shipitem", itemid=carrier)["id"] if carrier else None
        row = self.erp.pick(order, shares, method)
        # A carrier of NetSuite's own has a list of packages of its own.
        suffix = "Ups" if carrier == "UPS" else ""
        row["packages"] = [{"tracking": number, "carrier": suffix} for number in boxes]
        self.erp.send(row)

    @_alone
    def count_stock(self, levels: Mapping[str, int]) -> None:
        """Make the levels what was counted, by an adjustment."""
        row = self.erp.new_transaction("InvAdjst", "IA", {"subsidiary": 1, "posting": True})
        for place, (name, level) in enumerate(levels.items(), 1):
            item = self._item(name)
            change = level - item["onhand"]
            self.erp.move(item["id"], change)
            facts = {"id": place, "uniquekey": self.erp.key(), "item": item["id"]}
            row["lines"].append({**facts, "quantity": change})

    @_alone
    def retire(self, name: str) -> None:
        """Make an item inactive."""
        row = self._item(name)
        row |= {"isinactive": True, "lastmodifieddate": self.erp.now()}

    # -- the desk -------------------------------------------------------------------------------

    @_alone
    def post_invoices(self, ref: str, on: date | None = None) -> None:
        """Bill what has left of an order, and what needs no leaving."""
        order = self.erp.transactions[int(ref)]
        if order["status"] not in ("H", "C"):
            self.erp.bill(order, on.isoformat() if on else self.erp.today())

    @_alone
    def reword_invoice(self, ref: str, words: str) -> None:
        """Change the memo of an invoice that is posted."""
        row = self.erp.transactions[int(ref)]
        row["memo"] = words
        self.erp.touch(row)

    @_alone
    def replace_invoice(self, ref: str, extra: Decimal) -> None:
        """Void an invoice and make a copy of it that costs `extra` more."""
        old = self.erp.transactions[int(ref)]
        kept = deepcopy(old)
        self.erp.void(old)
        made = ("id", "tranid", "externalid", "mainkey", "main", "taxlines", "createdfrom")
        facts = {name: value for name, value in kept.items() if name not in made}
        row = self.erp.new_transaction("CustInvc", "INV", facts)
        for line in row["lines"]:
            line["uniquekey"] = self.erp.key()
        first = row["lines"][0]
        first["rate"] += extra
        first["amount"] = rounded(first["quantity"] * first["rate"])
        for tax in row["taxdetails"]:
            if tax["taxdetailsreference"] == first["taxdetailsreference"]:
                tax["taxbasis"] = first["amount"]
                tax["taxamount"] = rounded(first["amount"] * tax["taxrate"] / 100)
        self.erp.book_document(row, self.erp.account(self.erp.receivable), 1)

    @_alone
    def pay_invoice(self, ref: str) -> None:
        """Apply a payment to an invoice."""
        row = self.erp.transactions[int(ref)]
        row["status"] = "B"
        self.erp.touch(row)

    @_alone
    def book_by_hand(self, debit: str, credit: str, amount: Decimal, words: str) -> None:
        """Post an entry of their own."""
        facts = {"trandate": self.erp.today(), "subsidiary": 1, "memo": words}
        one, other = (
            self.erp.one("account", acctnumber=number)["id"] for number in (debit, credit)
        )
        lines = [
            {"account": one, "debit": amount, "memo": words},
            {"account": other, "credit": amount, "memo": words},
        ]
        self.erp.new_entry(facts, lines)

    @_alone
    def add_tax(self, name: str, account: str) -> Row:
        """A tax code of the usual type; its rate is told where it is used."""
        return self.erp.new(
            "salestaxitem",
            itemid=name,
            taxtype=self.erp.one("taxtype", name="VAT")["id"],
            account=self.erp.one("account", acctnumber=account)["id"],
        )

    @_alone
    def delete_tax(self, name: str) -> None:
        """Delete a code nobody has used."""
        del self.erp.tables["salestaxitem"][self.erp.one("salestaxitem", itemid=name)["id"]]

    @_alone
    def close_period(self, day: date) -> None:
        """Close the month of the day."""
        self.erp.period(day.isoformat()).update(closed=True, alllocked=True, arlocked=True)

    @_alone
    def reopen_period(self, day: date) -> None:
        """Open it again."""
        self.erp.period(day.isoformat()).update(closed=False, alllocked=False, arlocked=False)

    # -- the witness ----------------------------------------------------------------------------

    def sales(self, key: str) -> list[tuple[str, Decimal]]:
        """State and total of every order that says the key."""
        with self.erp.lock:
            found = self.erp.of("SalesOrd", custbody_mkterp_key=key)
            return [(row["status"], row["total"]) for row in found]

    def entries(self, key: str) -> int:
        """How many posted entries say the key."""
        with self.erp.lock:
            found = self.erp.of("Journal", custbody_mkterp_key=key)
            return sum(row["posting"] for row in found)

    def memos(self, order_key: str) -> list[str]:
        """The states of all credit memos that name the order."""
        with self.erp.lock:
            return [
                row["status"] for row in self.erp.of("CustCred", custbody_mkterp_order=order_key)
            ]
