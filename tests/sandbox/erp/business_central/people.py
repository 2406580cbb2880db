"""The people of the company: warehouse, accountants, and a witness of what is really there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import wraps
from typing import Any, TypeVar

from tests.sandbox.erp.business_central.api import BusinessCentralDouble
from tests.sandbox.erp.business_central.books import ZERO, today
from tests.sandbox.erp.business_central.odata import Row
from tests.sandbox.erp.business_central.schema import NO_DAY

Result = TypeVar("Result")


def _alone(deed: Callable[..., Result]) -> Callable[..., Result]:
    """Nobody else is served meanwhile; what fails changes nothing."""

    @wraps(deed)
    def done(self: BusinessCentralPeople, *args: Any, **named: Any) -> Result:
        with self.erp.transaction():
            return deed(self, *args, **named)

    return done


class BusinessCentralPeople:
    """They do what the API does not offer, and what is theirs to do."""

    def __init__(self, erp: BusinessCentralDouble) -> None:
        self.erp = erp
        self._allowed_from: list[str] = []

    def _order(self, ref: str) -> Row | None:
        found = self.erp.find("salesOrders", number=ref)
        return found[0] if found else None

    # -- the warehouse --------------------------------------------------------------------------

    @_alone
    def pick(self, ref: str) -> None:
        """Release the order and take its goods off the shelf."""
        (order,) = self.erp.find("salesOrders", number=ref)
        self.erp.put(order, {"status": "Open"})

    @_alone
    def reopen(self, ref: str) -> None:
        """Let the order be changed again."""
        (order,) = self.erp.find("salesOrders", number=ref)
        self.erp.put(order, {"status": "Draft"})

    @_alone
    def ship(self, ref: str, quantities: Mapping[str, Decimal] | None = None) -> None:
        """Post a shipment of the order, or of these quantities by item."""
        order = self._order(ref)
        assert order is not None, f"no order {ref}"
        shares: dict[str, Decimal] | None = None
        if quantities is not None:
            shares, wanted = {}, dict(quantities)
            for line in self.erp.lines("salesOrders", order):
                left = Decimal(line["quantity"]) - Decimal(line["shippedQuantity"])
                item = line["lineObjectNumber"] if line["lineType"] == "Item" else ""
                shares[line["id"]] = min(left, wanted.get(item, ZERO))
                wanted[item] = wanted.get(item, ZERO) - shares[line["id"]]
        self.erp.ship(order, shares)

    @_alone
    def count_stock(self, levels: Mapping[str, int]) -> None:
        """Make the levels what was counted, by a movement each."""
        for number, level in levels.items():
            (item,) = self.erp.find("items", number=number)
            self.erp.move(number, level - item["inventory"], "Positive_x0020_Adjmt.", "COUNT")

    @_alone
    def retire(self, number: str) -> None:
        """Block an item."""
        (item,) = self.erp.find("items", number=number)
        self.erp.put(item, {"blocked": True})

    # -- the desk -------------------------------------------------------------------------------

    @_alone
    def post_invoices(self, ref: str, on: date | None = None) -> None:
        """Invoice what is shipped; an order without goods is shipped and invoiced at once."""
        order = self._order(ref)
        if order is None:
            return
        lines = self.erp.lines("salesOrders", order)
        if not any(line["lineType"] == "Item" for line in lines):
            self.erp.ship(order)
        self.erp.invoice(order, on.isoformat() if on else today())

    @_alone
    def reword_invoice(self, ref: str, words: str) -> None:
        """Update a posted document: its reference may still be changed."""
        (invoice,) = self.erp.find("salesInvoices", number=ref)
        self.erp.put(invoice, {"customerPurchaseOrderReference": words})

    @_alone
    def replace_invoice(self, ref: str, extra: Decimal) -> None:
        """Correct a posted invoice: cancel it, and post another that costs `extra` more."""
        (invoice,) = self.erp.find("salesInvoices", number=ref)
        lines = [dict(line) for line in self.erp.lines("salesInvoices", invoice)]
        self.erp.cancel_invoice(invoice)
        first = next(line for line in lines if line["lineType"] != "Comment")
        first["unitPrice"] = Decimal(first["unitPrice"]) + extra
        self.erp.post_invoice(invoice, lines, invoice["postingDate"], "")

    @_alone
    def pay_invoice(self, ref: str) -> None:
        """Apply a payment to a posted invoice."""
        (invoice,) = self.erp.find("salesInvoices", number=ref)
        self.erp.put(invoice, {"status": "Paid", "remainingAmount": ZERO})

    @_alone
    def book_by_hand(self, debit: str, credit: str, amount: Decimal, words: str) -> None:
        """Post an entry of their own, in a batch of theirs."""
        (batch,) = self.erp.find("journals", code="DEFAULT")
        number = self.erp.number("G")
        for account, value in ((debit, amount), (credit, -amount)):
            facts = {"accountNumber": account, "amount": value, "description": words}
            facts |= {"documentNumber": number, "postingDate": today()}
            self.erp.new_journal_line(batch, facts)
        self.erp.post_journal(batch)

    @_alone
    def add_tax(self, code: str, rate: Decimal, account: str) -> None:
        """A VAT product posting group with its posting set-up."""
        self.erp.rates[code] = (rate * 100, account)
        self.erp.new("taxGroups", {"code": code, "displayName": code, "taxType": "VAT"})

    @_alone
    def delete_tax(self, code: str) -> None:
        """Delete a group nobody has used."""
        (group,) = self.erp.find("taxGroups", code=code)
        del self.erp.tables["taxGroups"][group["id"]]

    @_alone
    def close_period(self, day: date) -> None:
        """Allow posting only after that day's month."""
        after = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        self._allowed_from.append(self.erp.set_dates(after))

    @_alone
    def reopen_period(self, day: date) -> None:
        """Allow posting from where it was."""
        before = self._allowed_from.pop()
        self.erp.set_dates(None if before == NO_DAY else date.fromisoformat(before))

    # -- the witness ----------------------------------------------------------------------------

    def sales(self, key: str) -> list[tuple[str, Decimal]]:
        """State and total of every order under the key, those invoiced and gone included.

        By the comment line that says the key, as a person would look.
        """
        told = "mkterp key"
        found: list[tuple[str, Decimal]] = []
        with self.erp.lock:
            for line in self.erp.find("salesOrderLines", description2=told, description=key):
                (order,) = self.erp.find("salesOrders", id=line["documentId"])
                lines = self.erp.lines("salesOrders", order)
                empty = not any(one["quantity"] for one in lines)
                state = "cancelled" if empty else order["status"]
                found.append((state, order["totalAmountIncludingTax"]))
            for line in self.erp.find("salesInvoiceLines", description2=told, description=key):
                (invoice,) = self.erp.find("salesInvoices", id=line["documentId"])
                found.append((invoice["status"], invoice["totalAmountIncludingTax"]))
        return found

    def entries(self, key: str) -> int:
        """How many posted entries stand under the batch that is named after the key."""
        with self.erp.lock:
            batches = [
                row
                for row in self.erp.find("journals")
                if row["displayName"].partition(" <")[0] == f"mkterp {key}"
            ]
            numbers = {f"MK-{row['code']}" for row in batches}
            ledger = self.erp.find("generalLedgerEntries")
            return len({x["_transaction"] for x in ledger if x["documentNumber"] in numbers})

    def memos(self, order_key: str) -> Sequence[str]:
        """The states of all credit memos that name the order."""
        with self.erp.lock:
            lines = self.erp.find(
                "salesCreditMemoLines", description2="mkterp order", description=order_key
            )
            return [
                self.erp.find("salesCreditMemos", id=x["documentId"])[0]["status"] for x in lines
            ]
