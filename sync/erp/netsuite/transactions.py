"""NetSuite's transactions: found by SuiteQL, read whole as records.

SuiteQL says which there are and in what state; a record says its lines and taxes as documented.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sync.erp.netsuite import suiteql
from sync.erp.netsuite.client import NetSuiteClient, Row
from sync.erp.netsuite.references import Setup, money
from sync.erp.wire import exact

ORDER, INVOICE, MEMO, SHIPMENT, ENTRY = "SalesOrd", "CustInvc", "CustCred", "ItemShip", "Journal"
KINDS = {
    ORDER: "salesOrder",
    INVOICE: "invoice",
    MEMO: "creditMemo",
    SHIPMENT: "itemFulfillment",
}
STOCKED = "InvtPart"
_VALUES = 200  # in one condition


@dataclass(frozen=True)
class Head:
    """What a transaction is and how it stands, without its lines."""

    id: str
    type: str
    number: str
    status: str  # NetSuite's letter
    voided: bool
    dated: str
    origin: str  # the id of what it was made of
    modified_at: datetime


class Transactions:
    """Those of our subsidiary."""

    def __init__(self, client: NetSuiteClient, setup: Setup) -> None:
        self._client, self._setup = client, setup

    def page(self, where: str, after: str | None, limit: int) -> tuple[list[Head], str | None]:
        """A page of heads in the order of their ids, and where the next one begins."""
        rows = self._client.page(self._query(where)(after or "0"), limit)
        return [self._head(row) for row in rows], rows[-1]["id"] if len(rows) == limit else None

    def each(self, where: str) -> Iterator[Head]:
        """All heads that fit."""
        for row in self._client.rows(self._query(where)):
            yield self._head(row)

    def of(self, types: Iterable[str], column: str, values: Iterable[str]) -> list[Head]:
        """The heads of these types whose column has one of the values; ids as numbers."""
        wanted = sorted(set(values))
        found: list[Head] = []
        for start in range(0, len(wanted), _VALUES):
            some: list[str | int] = list(wanted[start : start + _VALUES])
            if column.endswith((".id", ".createdfrom")):
                some = [int(one) for one in some]
            where = suiteql.both(suiteql.one_of("t.type", types), suiteql.one_of(column, some))
            found += self.each(where)
        return found

    def read(self, heads: Iterable[Head]) -> list[tuple[Head, Row]]:
        """These transactions as records, several asked for at once."""
        heads = list(heads)

        def whole(head: Head) -> Row:
            return self._client.record(KINDS[head.type], head.id)

        return list(zip(heads, self._client.each(whole, heads), strict=True))

    def changed(self, since: datetime) -> str:
        """The condition for those changed at or after a moment."""
        return suiteql.since("t.lastmodifieddate", since, self._setup.time_zone)

    # -- inside ---------------------------------------------------------------------------------

    def _query(self, where: str) -> Callable[[str], str]:
        return lambda after: (
            "SELECT t.id AS id, t.type AS type, t.tranid AS tranid, t.status AS status, "
            f"t.voided AS voided, {suiteql.day('t.trandate')} AS dated, m.createdfrom AS origin, "
            f"{suiteql.moment('t.lastmodifieddate')} AS modified "
            "FROM transaction t JOIN transactionline m ON m.transaction = t.id AND m.mainline = 'T'"
            f" WHERE m.subsidiary = {self._setup.subsidiary} AND {where} AND t.id > {int(after)} "
            "ORDER BY t.id"
        )

    def _head(self, row: Mapping[str, Any]) -> Head:
        return Head(
            id=row["id"],
            type=row["type"],
            number=row["tranid"],
            status=row.get("status", "").rpartition(":")[2],  # with or without its type before it
            voided=row.get("voided") == "T",
            dated=row["dated"],
            origin=row.get("origin", ""),
            modified_at=suiteql.read_moment(row["modified"], self._setup.time_zone),
        )


def lines_of(row: Mapping[str, Any], sublist: str = "item") -> list[Row]:
    """A record's lines."""
    return list(row.get(sublist, {}).get("items", []))


def ident(row: Mapping[str, Any], name: str) -> str:
    """The id of what a field refers to; empty without."""
    return str((row.get(name) or {}).get("id", ""))


def called(row: Mapping[str, Any], name: str) -> str:
    """The name of what a field refers to; empty without."""
    return str((row.get(name) or {}).get("refName", ""))


def totals(row: Mapping[str, Any]) -> tuple[Decimal, Decimal, Decimal]:
    """Net, tax and gross of a transaction; the tax is what its tax details add up to."""
    tax = sum((money(one["taxAmount"]) for one in lines_of(row, "taxDetails")), Decimal(0))
    gross = money(row["total"])
    return gross - tax, tax, gross


def stocked(line: Mapping[str, Any]) -> bool:
    """Whether the line has goods of ours on it."""
    return ident(line, "itemType") == STOCKED


def standing(line: Mapping[str, Any]) -> Decimal:
    """How much of an order's line is still to be sold in all: what has left, once it is closed."""
    return exact(line.get("quantityFulfilled" if line.get("isClosed") else "quantity"))
