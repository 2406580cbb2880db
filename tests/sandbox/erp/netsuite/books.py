"""The double's ledger: accounting periods, what documents and entries are booked on."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tests.sandbox.erp.netsuite.store import PENNY, ZERO, Row, Store, refused

_OF_A_PARTY = {"AcctRec", "AcctPay"}


class Books(Store):
    # -- periods --------------------------------------------------------------------------------

    def period(self, day: str) -> Row:
        """The month that holds the day. Raises ApiError for one that may not be posted to."""
        for row in self.tables["accountingperiod"].values():
            whole = not (row["isyear"] or row["isquarter"])
            if whole and row["startdate"] <= day <= row["enddate"]:
                return row
        raise refused("No accounting period has been set up for the transaction date.")

    def may_post(self, day: str, given: int | None, *, receivables: bool) -> Row:
        """The posting period: that of the day, which the one that is given has to be."""
        period = self.period(day)
        if given is not None and given != period["id"]:
            raise refused(
                "The transaction date you specified is not within the date range of the posting "
                "period.",
                "postingPeriod",
            )
        shut = period["closed"] or period["alllocked"] or (receivables and period["arlocked"])
        if shut:
            raise refused("The posting period for this transaction is closed.", "postingPeriod")
        return period

    # -- booking --------------------------------------------------------------------------------

    def account(self, ident: int | None) -> Row:
        row = self.tables["account"].get(ident or 0)
        if row is None or row["isinactive"] or row["issummary"]:
            raise refused(f"Invalid account reference key {ident}.", "account", "INVALID_KEY")
        return row

    def book_document(self, document: Row, receivable: Row, sign: int) -> None:
        """The customer against the income of the items and their taxes."""
        document["posting"] = True
        taxes = sum((one["taxamount"] for one in document["taxdetails"]), ZERO)
        net = sum((line["amount"] for line in document["lines"]), ZERO)
        document["total"] = net + taxes
        document["main"] = self._side(receivable["id"], sign * document["total"])
        for line in document["lines"]:
            item = self.tables["item"][line["item"]]
            line |= self._side(item["incomeaccount"], -sign * line["amount"])
        document["taxlines"] = []
        place = max((line["id"] for line in document["lines"]), default=0)
        for offset, tax in enumerate(document["taxdetails"], 1):
            code = self.tables["salestaxitem"].get(tax["taxcode"], {})
            side = self._side(code.get("account"), -sign * tax["taxamount"])
            facts = {"id": place + offset, "uniquekey": self.key(), **side}
            document["taxlines"].append(facts)

    @staticmethod
    def _side(account: int | None, amount: Decimal) -> dict[str, Any]:
        return {
            "account": account,
            "debit": amount if amount > 0 else None,
            "credit": -amount if amount < 0 else None,
        }

    def new_entry(self, facts: Row, lines: Sequence[Row]) -> Row:
        """A journal entry, posted at once. Raises ApiError."""
        period = self.may_post(facts["trandate"], facts.get("postingperiod"), receivables=False)
        row = self.new_transaction("Journal", "JE", facts)
        row |= {"postingperiod": period["id"], "status": "B", "posting": True}
        left = ZERO
        for place, line in enumerate(lines):
            debit, credit = line.get("debit"), line.get("credit")
            if (debit is None) is (credit is None) or (debit or credit or ZERO) <= 0:
                raise refused("Enter either a debit or a credit that is positive.", "line")
            for amount in (debit, credit):
                if amount is not None and amount != amount.quantize(PENNY):
                    raise refused("An amount has more decimals than its currency.", "line")
            left += (debit or ZERO) - (credit or ZERO)
            account = self.account(line.get("account"))
            if account["accttype"] in _OF_A_PARTY and not line.get("entity"):
                raise refused(f"You must enter a name for account {account['acctnumber']}.", "line")
            if line.get("entity") and line["entity"] not in self.tables["entity"]:
                raise refused("Invalid entity reference key.", "entity", "INVALID_KEY")
            made = {"id": place, "uniquekey": self.key(), "debit": debit, "credit": credit}
            row["lines"].append({**line, **made, "account": account["id"]})
        if left or not row["lines"]:
            raise refused("The amounts in a journal entry must balance.", "line")
        return row

    def void(self, row: Row) -> None:
        """Its amounts become nothing; it stays where it is."""
        row |= {"voided": True, "status": "V", "total": ZERO}
        for line in row["lines"]:
            line |= {"amount": ZERO, "debit": None, "credit": None}
        for tax in row["taxdetails"]:
            tax |= {"taxamount": ZERO, "taxbasis": ZERO}
        row["main"] = {**row["main"], "debit": None, "credit": None}
        for line in row["taxlines"]:
            line |= {"debit": None, "credit": None}
        self.touch(row)
