"""Odoo's ledger: accounts, lock dates, lines, balances, settlement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from mkterp.core.money import round_to_unit
from sync.domain.delivery import PeriodClosed, Rejected
from sync.domain.documents import (
    AccountKind,
    Balance,
    LedgerLine,
    LedgerQuery,
    Period,
    PeriodState,
    postable,
)
from sync.erp.odoo.client import JSON_2_SINCE, OdooClient
from sync.erp.odoo.documents import Documents
from sync.erp.odoo.items import moment
from sync.erp.odoo.references import ReferenceBook, money
from sync.erp.port import Page

_LINE = "account.move.line"
_LINES_A_PAGE = 1000
_FIELDS = (
    *("move_id", "move_name", "date", "account_id", "partner_id", "debit", "credit", "name"),
    *("journal_id", "ref", "full_reconcile_id", "write_date"),
)
_POSTED = ["parent_state", "=", "posted"]
_KINDS = {
    "asset_receivable": AccountKind.RECEIVABLE,
    "liability_payable": AccountKind.PAYABLE,
    "income": AccountKind.REVENUE,
    "income_other": AccountKind.REVENUE,
    "expense": AccountKind.EXPENSE,
    "expense_depreciation": AccountKind.EXPENSE,
    "expense_direct_cost": AccountKind.EXPENSE,
}
_WITH_PARTY = {AccountKind.RECEIVABLE, AccountKind.PAYABLE}
_YEARLY = {AccountKind.REVENUE, AccountKind.EXPENSE}
# Whichever of these a series has; the latest one counts. Those of one kind of journal or tax
# report are its people's own precaution and are met when Odoo says so.
_LOCKS = ("fiscalyear_lock_date", "hard_lock_date")


@dataclass(frozen=True)
class AccountRow:
    id: int
    code: str
    name: str
    word: str  # Odoo's own
    kind: AccountKind
    reconciles: bool

    @property
    def party_required(self) -> bool:
        """Odoo leaves it to people; a receivable without a debtor is nobody's to settle."""
        return self.kind in _WITH_PARTY


class Ledger:
    def __init__(self, client: OdooClient, book: ReferenceBook, documents: Documents) -> None:
        self._client, self._book, self._documents = client, book, documents

    def accounts(self) -> list[AccountRow]:
        """The accounts in use, by code."""
        fields = ["code", "name", "account_type", "reconcile"]
        rows = self._client.rows("account.account", [], fields, order="code")
        return [
            AccountRow(
                row["id"],
                row["code"],
                row["name"],
                row["account_type"],
                _kind(row["account_type"]),
                bool(row["reconcile"]),
            )
            for row in rows
            if row["code"]
        ]

    # -- periods --------------------------------------------------------------------------------

    def periods(self) -> tuple[Period, ...]:
        """See ErpPort.periods. Odoo has none, only a day up to which its books are locked.

        Told as months from a year before the lock (or this year) to the end of next year; the
        month in which the lock lies in the middle is told in two parts.
        """
        lock = self._lock()
        today = datetime.now(self._book.get().time_zone).date()
        start = date(min(today.year, lock.year if lock else today.year) - 1, 1, 1)
        found: list[Period] = []
        while start.year <= today.year + 1:
            after = (start + timedelta(days=32)).replace(day=1)
            found += _month(start, after - timedelta(days=1), lock)
            start = after
        return tuple(found)

    def _lock(self) -> date | None:
        names = [name for name in _LOCKS if name in self._client.fields("res.company")]
        domain = [["id", "=", self._book.get().company]]
        (row,) = self._client.rows("res.company", domain, names)
        return max((date.fromisoformat(row[name]) for name in names if row[name]), default=None)

    def must_be_open(self, day: date) -> None:
        """Raises PeriodClosed when that day is locked."""
        if not postable(self.periods(), day):
            raise PeriodClosed(
                f"{day} lies in a closed time in Odoo, or beyond next year: its lock date is "
                f"{self._lock()}.",
                "posting_date",
            )

    # -- lines ----------------------------------------------------------------------------------

    def rows(self, domain: Sequence[object], *, limit: int | None = None) -> list[LedgerLine]:
        """Ledger lines, by id."""
        rows = self._client.rows(_LINE, domain, _FIELDS, limit=limit)
        if not rows:
            return []
        accounts = {account.id: account.code for account in self.accounts()}
        parties = self._documents.codes(
            "res.partner", "ref", {r["partner_id"][0] for r in rows if r["partner_id"]}
        )
        moves = self._client.rows(
            "account.move",
            [["id", "in", sorted({row["move_id"][0] for row in rows})]],
            ["move_type", "ref"],
        )
        journals = self._documents.codes(
            "account.journal", "code", {row["journal_id"][0] for row in rows}
        )
        by_id = {move["id"]: move for move in moves}
        currency = self._book.get().currency
        return [
            _told(row, by_id[row["move_id"][0]], accounts, parties, journals, currency)
            for row in rows
        ]

    def lines(self, query: LedgerQuery, cursor: str | None) -> Page[LedgerLine]:
        """See ErpPort.ledger_lines; the cursor is the last id seen."""
        domain: list[object] = [_POSTED, ["account_id", "!=", False]]
        if query.accounts:
            domain.append(["account_id.code", "in", list(query.accounts)])
        if query.start:
            domain.append(["date", ">=", query.start])
        if query.end:
            domain.append(["date", "<=", query.end])
        if query.changed_since:
            domain.append(["write_date", ">=", query.changed_since])
        if query.party:
            domain.append(["partner_id.ref", "=", query.party])
        if query.open_only:
            domain += [["full_reconcile_id", "=", False], ["account_id.reconcile", "=", True]]
        if cursor is not None:
            domain.append(["id", ">", int(cursor)])
        found = self.rows(domain, limit=_LINES_A_PAGE)
        return Page(tuple(found), found[-1].ref if len(found) == _LINES_A_PAGE else None)

    # -- balances -------------------------------------------------------------------------------

    def balances(self, on: date, accounts: Sequence[str], *, by_party: bool) -> tuple[Balance, ...]:
        """See ErpPort.balances; Odoo adds up."""
        known = {account.code: account for account in self.accounts()}
        if unknown := sorted(set(accounts) - set(known)):
            raise Rejected(f"Odoo has no account {', '.join(unknown)}.", "account")
        yearly = [known[code].id for code in accounts if known[code].kind in _YEARLY]
        standing = [known[code].id for code in accounts if known[code].kind not in _YEARLY]
        sums = self._sums([["account_id", "in", standing]], on, by_party) if standing else {}
        if yearly:
            start = ["date", ">=", self._year_start(on)]
            sums |= self._sums([["account_id", "in", yearly], start], on, by_party)
        codes = {account.id: account.code for account in known.values()}
        parties = self._documents.codes("res.partner", "ref", {party for _, party in sums if party})
        currency = self._book.get().currency
        found = [
            Balance(codes[ident], parties.get(party, ""), round_to_unit(amount, currency))
            for (ident, party), amount in sums.items()
        ]
        silent = set(accounts) - {balance.account for balance in found}
        found += [Balance(code, "", round_to_unit(Decimal(0), currency)) for code in silent]
        return tuple(sorted(found, key=lambda one: (one.account, one.party)))

    def _sums(
        self, domain: list[object], on: date, by_party: bool
    ) -> dict[tuple[int, int], Decimal]:
        domain = [*domain, _POSTED, ["date", "<=", on]]
        groups = ["account_id", *(["partner_id"] if by_party else [])]
        if self._client.series >= JSON_2_SINCE:
            rows = self._client.read(
                _LINE,
                "formatted_read_group",
                domain=domain,
                groupby=groups,
                aggregates=["balance:sum"],
            )
            word = "balance:sum"
        else:
            rows = self._client.read(
                _LINE,
                "read_group",
                domain=domain,
                fields=["balance:sum"],
                groupby=groups,
                lazy=False,
            )
            word = "balance"
        return {
            (row["account_id"][0], row["partner_id"][0] if by_party and row["partner_id"] else 0): (
                money(row[word])
            )
            for row in rows
        }

    def _year_start(self, day: date) -> date:
        month, last = self._book.get().year_end
        for year in (day.year, day.year - 1):
            # The last day of February in a leap year, and months shorter than 31 days.
            end = (date(year, month, 1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
            end = min(end, end.replace(day=min(last, end.day)))
            if end < day:
                return end + timedelta(days=1)
        raise AssertionError("a year has an end")

    # -- settlement -----------------------------------------------------------------------------

    def reconcile(self, line_refs: Sequence[str]) -> str:
        """See ErpPort.reconcile. Odoo would settle in part; we settle what adds up, or nothing."""
        ids = sorted({int(ref) for ref in line_refs})
        lines = self.rows([["id", "in", ids]])
        if len(lines) != len(ids):
            raise Rejected("Odoo lacks one of the ledger lines.", "lines")
        marks = {line.reconciled for line in lines}
        if len(marks) == 1 and None not in marks:
            together = self.rows([["full_reconcile_id", "=", int(str(lines[0].reconciled))]])
            if len(together) == len(lines):
                return str(lines[0].reconciled)
        if marks != {None}:
            raise Rejected("One of the ledger lines is settled with others.", "lines")
        if len({(line.account, line.party) for line in lines}) != 1:
            raise Rejected("The ledger lines are of different accounts or parties.", "lines")
        if residue := sum((line.debit - line.credit for line in lines), Decimal(0)):
            raise Rejected(f"The ledger lines leave {residue}.", "lines")
        self._client.write(_LINE, "reconcile", ids=ids)
        (first, *_) = self.rows([["id", "in", ids]])
        return str(first.reconciled)


def _kind(word: str) -> AccountKind:
    if word in _KINDS:
        return _KINDS[word]
    if word.startswith(("asset_", "liability_", "equity")):
        return AccountKind.BALANCE_SHEET
    return AccountKind.OTHER


def _month(start: date, end: date, lock: date | None) -> list[Period]:
    name = f"{start:%Y-%m}"
    if lock is None or lock < start:
        return [Period(name, start, end, PeriodState.OPEN)]
    if lock >= end:
        return [Period(name, start, end, PeriodState.CLOSED)]
    rest = Period(f"{name} (rest)", lock + timedelta(days=1), end, PeriodState.OPEN)
    return [Period(name, start, lock, PeriodState.CLOSED), rest]


def _told(
    row: Mapping[str, Any],
    move: Mapping[str, Any],
    accounts: Mapping[int, str],
    parties: Mapping[int, str],
    journals: Mapping[int, str],
    currency: str,
) -> LedgerLine:
    entry = move["move_type"] == "entry"
    mark = row["full_reconcile_id"]
    return LedgerLine(
        ref=str(row["id"]),
        move_ref=str(row["move_id"][0]),
        move_number=row["move_name"],
        posting_date=date.fromisoformat(row["date"]),
        account=accounts.get(row["account_id"][0], ""),
        party=parties.get(row["partner_id"][0], "") if row["partner_id"] else "",
        debit=round_to_unit(money(row["debit"]), currency),
        credit=round_to_unit(money(row["credit"]), currency),
        memo=row["name"] or "",
        journal=journals.get(row["journal_id"][0], ""),
        journal_key=(move["ref"] or "") if entry else "",
        document_ref="" if entry else str(row["move_id"][0]),
        reconciled=str(mark[0]) if mark else None,
        modified_at=moment(row["write_date"]).astimezone(UTC),
    )
