"""NetSuite's ledger: accounting periods, posted lines, balances added up by the database."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sync.domain.delivery import PeriodClosed, Rejected
from sync.domain.documents import (
    AccountKind,
    Balance,
    LedgerLine,
    LedgerQuery,
    Period,
    PeriodState,
)
from sync.erp.netsuite import suiteql
from sync.erp.netsuite.book import Book
from sync.erp.netsuite.client import NetSuiteClient, Row
from sync.erp.netsuite.references import KEY, money
from sync.erp.netsuite.transactions import ENTRY, INVOICE, MEMO
from sync.erp.port import Page

_A_PAGE = 1000
_YEARLY = {AccountKind.REVENUE, AccountKind.EXPENSE}
_ZERO = Decimal(0)
_SUM = "SUM(NVL(b.debit, 0)) - SUM(NVL(b.credit, 0))"
# Of several accounting books, the primary one.
_FROM = (
    "FROM transactionaccountingline b "
    "JOIN transaction t ON t.id = b.transaction "
    "JOIN transactionline l ON l.transaction = b.transaction AND l.id = b.transactionline "
    "JOIN account a ON a.id = b.account LEFT JOIN entity e ON e.id = l.entity "
    "WHERE b.posting = 'T' AND b.accountingbook = 1"
)


class Ledger:
    def __init__(self, client: NetSuiteClient, book: Book) -> None:
        self._client, self._book = client, book

    # -- periods --------------------------------------------------------------------------------

    def periods(self) -> tuple[Period, ...]:
        """See ErpPort.periods. A period that is locked for receivables takes none of our invoices,
        so it counts as closed."""
        return tuple(period for period, _ in self._periods())

    def period_of(self, day: date) -> str:
        """The id of the open period that holds the day. Raises PeriodClosed."""
        for period, ident in self._periods():
            if period.holds(day) and period.state is PeriodState.OPEN:
                return ident
        raise PeriodClosed(f"{day} lies in a closed period of NetSuite.", "posting_date")

    def _periods(self) -> list[tuple[Period, str]]:
        rows = self._client.page(
            "SELECT p.id AS id, p.periodname AS name, "
            f"{suiteql.day('p.startdate')} AS first, {suiteql.day('p.enddate')} AS last, "
            "p.closed AS closed, p.alllocked AS locked, p.arlocked AS receivables "
            "FROM accountingperiod p WHERE p.isyear = 'F' AND p.isquarter = 'F' "
            "AND p.isadjust = 'F' AND p.isinactive = 'F' ORDER BY p.startdate, p.id"
        )
        return [(_period(row), row["id"]) for row in rows]

    def _year_start(self, day: date) -> date:
        rows = self._client.page(
            f"SELECT {suiteql.day('MAX(p.startdate)')} AS first FROM accountingperiod p "
            f"WHERE p.isyear = 'T' AND p.startdate <= {suiteql.a_day(day)} ORDER BY 1"
        )
        told = rows[0].get("first") if rows else None
        return suiteql.read_day(told) if told else day.replace(month=1, day=1)

    # -- lines ----------------------------------------------------------------------------------

    def lines(self, query: LedgerQuery, cursor: str | None) -> Page[LedgerLine]:
        """See ErpPort.ledger_lines; a ref, and the cursor, is a line's unique key.

        Raises Rejected for `open_only`.
        """
        if query.open_only:
            raise Rejected("NetSuite does not tell which lines of an entry are open.")
        where = suiteql.both(
            self._ours(),
            suiteql.one_of("a.acctnumber", query.accounts) if query.accounts else "",
            suiteql.one_of("t.id", [int(one) for one in query.moves]) if query.moves else "",
            f"t.trandate >= {suiteql.a_day(query.start)}" if query.start else "",
            f"t.trandate <= {suiteql.a_day(query.end)}" if query.end else "",
            f"e.entityid = {suiteql.text(query.party)}" if query.party else "",
            suiteql.since("t.lastmodifieddate", query.changed_since, self._zone),
            f"l.uniquekey > {int(cursor or 0)}",
        )
        rows = self._client.page(self._query(where), _A_PAGE)
        after = rows[-1]["id"] if len(rows) == _A_PAGE else None
        wants = {number for number, one in self._book.accounts().items() if one.party_required}
        return Page(tuple(self._line(row, wants) for row in rows), after)

    def of_transactions(self, ids: Sequence[str]) -> list[LedgerLine]:
        """All lines of these transactions, in the order they stand there."""
        found: list[LedgerLine] = []
        query, cursor = LedgerQuery(moves=tuple(ids)), None
        while ids:
            page = self.lines(query, cursor)
            found += page.rows
            cursor = page.cursor
            if cursor is None:
                break
        return found

    @property
    def _zone(self) -> Any:
        return self._book.setup.time_zone

    def _ours(self) -> str:
        return f"l.subsidiary = {self._book.setup.subsidiary}"

    def _query(self, where: str) -> str:
        return (
            "SELECT l.uniquekey AS id, t.id AS tran, t.tranid AS tranid, t.type AS type, "
            f"{suiteql.day('t.trandate')} AS dated, a.acctnumber AS account, e.entityid AS party, "
            f"b.debit AS debit, b.credit AS credit, l.memo AS memo, t.{KEY} AS own, "
            f"{suiteql.moment('t.lastmodifieddate')} AS modified {_FROM} AND {where} "
            "ORDER BY l.uniquekey"
        )

    def _line(self, row: Row, wants: set[str]) -> LedgerLine:
        cash = self._book.cash
        return LedgerLine(
            ref=row["id"],
            move_ref=row["tran"],
            move_number=row["tranid"],
            posting_date=suiteql.read_day(row["dated"]),
            account=row["account"],
            party=row.get("party", "") if row["account"] in wants else "",
            debit=cash(row.get("debit")),
            credit=cash(row.get("credit")),
            memo=row.get("memo", ""),
            journal="",
            journal_key=row.get("own", "") if row["type"] == ENTRY else "",
            document_ref=row["tran"] if row["type"] in (INVOICE, MEMO) else "",
            reconciled=None,
            modified_at=suiteql.read_moment(row["modified"], self._zone),
        )

    def reconcile(self, line_refs: Sequence[str]) -> str:
        """See ErpPort.reconcile: people apply payments."""
        raise Rejected("mkterp does not offer the settlement of entries in NetSuite.")

    # -- balances -------------------------------------------------------------------------------

    def balances(self, on: date, accounts: Sequence[str], *, by_party: bool) -> tuple[Balance, ...]:
        """See ErpPort.balances."""
        known = self._book.accounts()
        if unknown := sorted(set(accounts) - set(known)):
            raise Rejected(f"NetSuite has no account {', '.join(unknown)}.", "account")
        yearly = [number for number in accounts if known[number].group in _YEARLY]
        standing = [number for number in accounts if known[number].group not in _YEARLY]
        sums: dict[tuple[str, str], Decimal] = dict.fromkeys(((n, "") for n in accounts), _ZERO)
        self._add(standing, f"t.trandate <= {suiteql.a_day(on)}", sums, by_party)
        if yearly:
            start = suiteql.a_day(self._year_start(on))
            days = f"t.trandate >= {start} AND t.trandate <= {suiteql.a_day(on)}"
            self._add(yearly, days, sums, by_party)
        if by_party:
            named = {account for account, party in sums if party}
            sums = {
                (account, party): amount
                for (account, party), amount in sums.items()
                if party or amount or account not in named
            }
        return tuple(
            Balance(*place, self._book.cash(amount)) for place, amount in sorted(sums.items())
        )

    def _add(
        self,
        accounts: Sequence[str],
        days: str,
        sums: dict[tuple[str, str], Decimal],
        by_party: bool,
    ) -> None:
        for account in accounts:
            # An account at a time, so that its parties can be paged through by their ids.
            of = f"a.acctnumber = {suiteql.text(account)} AND {self._ours()} AND {days}"
            if not by_party:
                (row,) = self._client.page(f"SELECT {_SUM} AS amount {_FROM} AND {of} ORDER BY 1")
                sums[account, ""] += money(row.get("amount"))
                continue

            def query(after: str, of: str = of) -> str:
                return (
                    f"SELECT NVL(l.entity, 0) AS id, MAX(e.entityid) AS party, {_SUM} AS amount "
                    f"{_FROM} AND {of} AND NVL(l.entity, 0) > {int(after)} "
                    "GROUP BY NVL(l.entity, 0) ORDER BY 1"
                )

            for row in self._client.rows(query, after="-1"):
                place = account, row.get("party", "")
                sums[place] = sums.get(place, _ZERO) + money(row.get("amount"))


def _period(row: Mapping[str, Any]) -> Period:
    shut = "T" in (row["closed"], row["locked"], row["receivables"])
    return Period(
        row["name"],
        suiteql.read_day(row["first"]),
        suiteql.read_day(row["last"]),
        PeriodState.CLOSED if shut else PeriodState.OPEN,
    )
