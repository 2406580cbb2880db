"""The general ledger of the double: posting dates, entries with dimensions, journals, taxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.sandbox.erp.business_central.odata import Row, Store, application
from tests.sandbox.erp.business_central.schema import NO_DAY, NO_ID

ZERO = Decimal(0)
PENNY = Decimal("0.01")


def rounded(amount: Decimal) -> Decimal:
    """To the penny, ties away from zero."""
    return amount.quantize(PENNY, rounding=ROUND_HALF_UP)


def today() -> str:
    """The work date."""
    return datetime.now(UTC).date().isoformat()


class Books(Store):
    """`rates` and the accounts are the posting set-up, which the API does not show."""

    def __init__(self) -> None:
        super().__init__()
        self.rates: dict[str, tuple[Decimal, str]] = {}  # per cent, account
        self.receivable = ""
        self.revenue = ""  # of items
        self.blocked_rates: set[str] = set()
        self._transaction = 0

    # -- the set-up -----------------------------------------------------------------------------

    def setup(self) -> Row:
        (row,) = self.tables["generalLedgerSetup"].values()
        return row

    def account(self, number: str) -> Row:
        """An account that may be posted to. Raises ApiError."""
        found = self.find("accounts", number=number)
        if not found:
            raise application("Account does not exist.", "Application_RecordNotFound")
        if found[0]["blocked"] or found[0]["accountType"] != "Posting":
            raise application(f"The G/L account {number} is blocked or not for posting.")
        return found[0]

    def customer(self, number: str) -> Row:
        """A customer that may be sold to. Raises ApiError."""
        found = self.find("customers", number=number)
        if not found:
            raise application("The sell-to customer cannot be found.")
        if found[0]["blocked"] != "_x0020_":
            raise application(f"You cannot create this document: customer {number} is blocked.")
        return found[0]

    def may_post(self, day: str) -> None:
        """Raises ApiError for a day nothing may be posted on."""
        setup = self.setup()
        first, last = setup["allowPostingFrom"], setup["allowPostingTo"]
        starts = [row["startingDate"] for row in self.tables["accountingPeriods"].values()]
        if day < first or (last != NO_DAY and day > last) or day < min(starts):
            raise application(
                f"Posting Date {day} is not within your range of allowed posting dates."
            )

    # -- taxes ----------------------------------------------------------------------------------

    def price(self, lines: Sequence[Row]) -> None:
        """Work out each line's amounts. The tax is rounded once for all lines of one code.

        A line's share is what its code's rounded total grows by when it is added.
        """
        bases: dict[str, Decimal] = {}
        for line in sorted(lines, key=lambda one: one["sequence"]):
            if line["lineType"] == "Comment":
                continue
            net = rounded(Decimal(line["quantity"]) * Decimal(line["unitPrice"]))
            code = line["taxCode"]
            percent = self.rates[code][0]
            before = bases.get(code, ZERO)
            bases[code] = before + net
            tax = rounded(bases[code] * percent / 100) - rounded(before * percent / 100)
            line |= {"taxPercent": percent, "amountExcludingTax": net, "netAmount": net}
            line |= {"totalTaxAmount": tax, "netTaxAmount": tax}
            line |= {"amountIncludingTax": net + tax, "netAmountIncludingTax": net + tax}

    def total(self, document: Row, lines: Sequence[Row]) -> None:
        """Add a document's lines up."""
        net = sum((Decimal(line["netAmount"]) for line in lines), ZERO)
        tax = sum((Decimal(line["netTaxAmount"]) for line in lines), ZERO)
        document |= {"totalAmountExcludingTax": net, "totalTaxAmount": tax}
        document["totalAmountIncludingTax"] = net + tax

    # -- entries --------------------------------------------------------------------------------

    def post_document(self, document: Row, lines: Sequence[Row], kind: str, sign: int) -> None:
        """A sales document's entries: the customer against revenue and tax, by account."""
        self._transaction = self.counter("transactions")
        amounts: dict[str, Decimal] = {self.receivable: document["totalAmountIncludingTax"]}
        for line in lines:
            if line["lineType"] == "Comment":
                continue
            own = self.revenue if line["lineType"] == "Item" else line["lineObjectNumber"]
            for account, amount in (
                (own, line["netAmount"]),
                (self.rates[line["taxCode"]][1], line["netTaxAmount"]),
            ):
                if amount:
                    amounts[account] = amounts.get(account, ZERO) - amount
        dimensions = self._defaults(self.customer(document["customerNumber"]))
        words = f"{kind.split('_')[0]} {document['number']}"
        for account, amount in amounts.items():
            day = document["postingDate"]
            self._entry(account, sign * amount, words, document["number"], day, kind, dimensions)

    def _entry(
        self,
        account: str,
        amount: Decimal,
        words: str,
        number: str,
        day: str,
        kind: str,
        dimensions: Mapping[str, str],
    ) -> None:
        entry = self.new(
            "generalLedgerEntries",
            {
                "entryNumber": self.counter("G/L"),
                "_transaction": self._transaction,
                "postingDate": day,
                "documentNumber": number,
                "documentType": kind,
                "accountId": self.account(account)["id"],
                "accountNumber": account,
                "description": words,
                "debitAmount": max(amount, ZERO),
                "creditAmount": max(-amount, ZERO),
            },
        )
        for code, value in dimensions.items():
            self.dimension(entry["id"], code, value)

    def _defaults(self, customer: Row) -> dict[str, str]:
        rows = self.find("defaultDimensions", parentId=customer["id"])
        return {row["dimensionCode"]: row["dimensionValueCode"] for row in rows}

    def dimension(self, parent: str, code: str, value: str) -> Row:
        """A dimension on a record. Raises ApiError for one that is not set up, or is there."""
        dimensions = self.find("dimensions", code=code)
        if not dimensions:
            raise application(f"The dimension {code} does not exist.")
        values = self.find("dimensionValues", dimensionId=dimensions[0]["id"], code=value)
        if not values:
            raise application(f"The dimension value {value} does not exist.")
        if self.find("dimensionSetLines", parentId=parent, code=code):
            raise application("The record already exists.", "Internal_EntityWithSameKeyExists")
        facts = {"code": code, "parentId": parent, "valueCode": value, "valueId": values[0]["id"]}
        return self.new("dimensionSetLines", facts)

    # -- journals -------------------------------------------------------------------------------

    def new_journal(self, values: Row) -> Row:
        """A batch of the general template."""
        if not values.get("code"):
            raise application("Code must be filled in. Enter a value.")
        if self.find("journals", code=values["code"]):
            raise application(
                "The record in table Gen. Journal Batch already exists.",
                "Internal_EntityWithSameKeyExists",
            )
        return self.new("journals", {"templateDisplayName": "GENERAL", **values})

    def new_journal_line(self, journal: Row, values: Row) -> Row:
        """A line of a batch; its account must be there."""
        kind = values.get("accountType", "G_x002F_L_x0020_Account")
        number = values.get("accountNumber", "")
        if kind == "Customer":
            self.customer(number)
        elif kind == "G_x002F_L_x0020_Account":
            self.account(number)
        else:
            raise application(f"accountType {kind} is not in this double.")
        place = 10000 * (1 + len(self.find("journalLines", journalId=journal["id"])))
        facts = {"journalId": journal["id"], "lineNumber": place, "accountType": kind}
        return self.new("journalLines", {**facts, **values})

    def post_journal(self, journal: Row) -> None:
        """Post all lines of a batch and take them out of it. Raises ApiError."""
        lines = self.find("journalLines", journalId=journal["id"])
        if not lines:
            raise application("There is nothing to post.")
        sums: dict[tuple[str, str], Decimal] = {}
        for line in lines:
            if not line["documentNumber"] or line["postingDate"] == NO_DAY or not line["amount"]:
                raise application("Document No., Posting Date and Amount must have a value.")
            place = line["documentNumber"], line["postingDate"]
            sums[place] = sums.get(place, ZERO) + line["amount"]
        for (number, day), left in sums.items():
            if left:
                raise application(f"{number} is out of balance by {left}.")
            self.may_post(day)
        self._transaction = self.counter("transactions")
        for line in lines:
            self._post_line(line)
        self.touch(journal)

    def _post_line(self, line: Row) -> None:
        dimensions: dict[str, str] = {}
        account = line["accountNumber"]
        if line["accountType"] == "Customer":
            dimensions = self._defaults(self.customer(account))
            account = self.receivable
        elif not self.account(account)["directPosting"]:
            raise application(f"Direct Posting must be equal to 'Yes' in G/L Account {account}.")
        for own in self.find("dimensionSetLines", parentId=line["id"]):
            dimensions[own["code"]] = own["valueCode"]
            del self.tables["dimensionSetLines"][own["id"]]
        self._entry(
            account,
            line["amount"],
            line["description"],
            line["documentNumber"],
            line["postingDate"],
            "_x0020_",
            dimensions,
        )
        del self.tables["journalLines"][line["id"]]

    def set_dates(self, first: date | None) -> str:
        """Allow posting from that day on. Gives what stood there."""
        before = str(self.setup()["allowPostingFrom"])
        self.put(self.setup(), {"allowPostingFrom": first.isoformat() if first else NO_DAY})
        return before

    def applied(self, values: Mapping[str, Any]) -> bool:
        """Whether a credit memo names the invoice it is applied to."""
        return bool(values.get("invoiceNumber") or values.get("invoiceId", NO_ID) != NO_ID)
